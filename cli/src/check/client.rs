// SPDX-License-Identifier: MIT OR Apache-2.0
//! Client certificates: every entry, everything.

use super::chain::{Chain, Origin, Roots};
use super::entry::{Certificates, Entry};
use super::equal::Equals;
use super::fix_order::{self, Target};
use super::keys::{self, Keys};
use super::order::Layout;
use super::parts::Parts;
use super::{Calendar, Lists, inputs, usage};
use crate::certificate;
use crate::failure::Failure;
use crate::inspect::{Set, Side};
use crate::progress::Progress;
use crate::report::{Report, Subject};
use crate::strength::Place;
use certpick_core::error::file_name;
use openssl::x509::X509;

/// What there is to say.
pub fn report(
    lists: &Lists<'_>,
    calendar: Calendar,
    fix_order: Option<Target<'_>>,
    progress: &mut Progress,
) -> Result<Report, Failure> {
    let mut report = Report::new("check");
    let inputs = inputs::read(lists, &mut |done, total| {
        progress.tell("certificate files read", done, total);
    })?;
    if fix_order.is_some() && inputs.entries.len() != 1 {
        return Err(Failure::new(format!(
            "--fix-order writes one certificate with its chain, and here are {}; run it for each: \
             certpick check --sslcert FILE --sslkey FILE --fix-order OUT",
            inputs.entries.len()
        )));
    }
    let is_numbered = !inputs.is_directory && inputs.entries.len() > 1;
    let total = inputs.entries.len();
    let load = |(at, input)| {
        progress.tell("private keys looked at", at, total);
        Entry::load(input, is_numbered)
    };
    let entries: Vec<Entry> = inputs.entries.into_iter().enumerate().map(load).collect();
    report.subjects = inputs.subjects;
    if !inputs.unmatched_keys.is_empty() {
        let mut subject = Subject::new("keys", "sslkey");
        keys::tell_unmatched(&inputs.unmatched_keys, &entries, &mut subject);
        report.subjects.push(subject);
    }

    let view = View::new(&entries, &inputs.issuers, calendar, fix_order)?;
    let equals = Equals::new(&view.readable, &view.set, calendar.now);
    let keys = Keys::new(&entries);
    let mut parts = Parts::new(Side::Client, calendar);
    let mut place = 0;
    for (at, entry) in entries.iter().enumerate() {
        let name = match is_numbered {
            true => format!("entry {}: {}", entry.number, file_name(&entry.certificate)),
            false => file_name(&entry.certificate),
        };
        let mut subject = Subject::new("credential", name);
        subject.fact("entry", "entry", i64::try_from(entry.number).unwrap_or_default());
        if let Some(file) = entry.key_file() {
            subject.fact("key_file", "key file", file_name(file));
        }
        match &entry.contents {
            Err(cause) => {
                keys::tell_unreadable(&entry.certificate, cause, &mut subject);
                keys.tell(at, &mut subject);
            }
            Ok(read) => {
                subject.facts.extend(certificate::describe(read.leaf(), calendar.now));
                keys.tell(at, &mut subject);
                view.tell(place, read, &mut parts, &mut subject);
                equals.tell(place, inputs.is_directory, &mut subject);
                place += 1;
            }
        }
        report.subjects.push(subject);
    }
    Ok(report)
}

/// All entries that could be read, with what chains can be made of.
struct View<'a> {
    readable: Vec<&'a Entry>,
    set: Set,
    roots: Roots<'a>,
    issuers: &'a [X509],
    calendar: Calendar,
    fix_order: Option<Target<'a>>,
}

impl<'a> View<'a> {
    fn new(
        entries: &'a [Entry],
        issuers: &'a [X509],
        calendar: Calendar,
        fix_order: Option<Target<'a>>,
    ) -> Result<View<'a>, Failure> {
        let readable: Vec<&Entry> = entries.iter().filter(|e| e.contents.is_ok()).collect();
        let parts: Vec<(&X509, &[X509])> = readable
            .iter()
            .filter_map(|e| e.contents.as_ref().ok())
            .map(|read| (read.leaf(), read.companions.as_slice()))
            .collect();
        let set = Set::new(&parts, issuers).map_err(Failure::new)?;
        let mut roots = Roots::default();
        for certificate in parts.iter().flat_map(|(_, others)| *others).chain(issuers) {
            roots.add(certificate);
        }
        Ok(View { readable, set, roots, issuers, calendar, fix_order })
    }

    /// The chain that goes with a leaf: one that is valid now, if there is one.
    fn chain<'b>(&'b self, at: usize, read: &'b Certificates) -> Chain<'b> {
        let origin = |certificate: &X509| {
            if read.companions.contains(certificate) {
                Origin::Own
            } else if self.issuers.contains(certificate) {
                Origin::Pool
            } else {
                let has_it = |entry: &&&Entry| {
                    entry.contents.as_ref().is_ok_and(|r| r.companions.contains(certificate))
                };
                Origin::Other(self.readable.iter().find(has_it).map_or("", |e| &e.name).to_owned())
            }
        };
        let now = self.calendar.now;
        let links: Vec<_> = self.set.chain(at, now).map(|c| (c, origin(c))).collect();
        let top = links.last().map_or(read.leaf(), |(certificate, _)| certificate);
        Chain { leaf: read.leaf(), root: self.roots.of(top), links }
    }

    /// What is to be said of a certificate and its chain.
    fn tell(&self, at: usize, read: &Certificates, parts: &mut Parts, subject: &mut Subject) {
        let Calendar { now, min_days } = self.calendar;
        let chain = self.chain(at, read);
        let others: Vec<&X509> = self.set.reachable(at).collect();
        let certificates = &read.contents.certificates;
        let between = chain.certificates();
        let layout = Layout::new(certificates, read.leaf_at, &between, &others, chain.root);
        subject.push(certificate::validity(read.leaf(), now, min_days));
        usage::tell_leaf(read.leaf(), Side::Client, subject);
        subject.push(parts.strength(read.leaf(), Place::Leaf));
        layout.tell(Side::Client, subject);
        chain.tell(&layout, Side::Client, None, subject);
        if let Some(target) = self.fix_order {
            let has_key = read.contents.has_private_key;
            fix_order::write(target, &chain.bundle(), has_key, subject);
        }
        for certificate in between {
            subject.part(parts.intermediate(certificate));
        }
    }
}
