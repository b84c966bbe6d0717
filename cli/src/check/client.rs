// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks client credentials.

use super::certificate_reports::CertificateReports;
use super::chain::{Chain, Origin, RootIndex};
use super::collisions::Collisions;
use super::credential::{Certificates, Credential};
use super::fix_order::{self, Target};
use super::inputs;
use super::keys::{self, Keys};
use super::order::Layout;
use super::rules::Rules;
use super::{Options, usage};
use crate::certificate::{self, Clock};
use crate::credential_set::CredentialSet;
use crate::facts::Side;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::{Report, Subject};
use crate::strength::Position;
use certpick_core::error::file_name;
use openssl::x509::X509;

/// Returns the report about all credentials.
pub fn report(options: &Options, clock: Clock, progress: &mut Progress) -> Result<Report, Failure> {
    let mut report = Report::new("check");
    let inputs = inputs::read(&options.credentials, &mut |done, total| {
        progress.update("certificate files read", done, total);
    });
    let total = inputs.credentials.len();
    if options.fix_order.is_some() && total != 1 {
        return Err(Failure::new(format!(
            "--fix-order requires exactly one certificate, but there are {total}\n\
             Run it for each certificate: certpick check --sslcert FILE --sslkey FILE --fix-order \
             OUT"
        )));
    }
    let is_numbered = inputs.entries > 1;
    let load = |(at, input)| {
        progress.update("private keys checked", at, total);
        Credential::load(input, is_numbered)
    };
    let credentials: Vec<Credential> =
        inputs.credentials.into_iter().enumerate().map(load).collect();
    report.subjects = inputs.subjects;
    if !inputs.unmatched_keys.is_empty() {
        let mut subject = Subject::new("keys", "sslkey");
        keys::report_unmatched(&inputs.unmatched_keys, &credentials, &mut subject);
        report.subjects.push(subject);
    }

    let check = ClientCheck::new(&credentials, &inputs.issuers, clock, options.fix_order())?;
    let collisions = Collisions::new(&check.readable, &check.set, clock.now);
    let keys = Keys::new(&credentials);
    let rules = Rules::new(&credentials);
    let mut certificates = CertificateReports::new(Side::Client, clock);
    let mut readable_at = 0;
    for (at, credential) in credentials.iter().enumerate() {
        let name = match is_numbered {
            true => format!("entry {}: {}", credential.number, credential.title),
            false => credential.title.clone(),
        };
        let mut subject = Subject::new("credential", name);
        subject.fact("entry", "entry", i64::try_from(credential.number).unwrap_or_default());
        if let Some(file) = credential.key_file() {
            subject.fact("key_file", "key file", file_name(file));
        }
        rules.report(credential, &mut subject);
        match &credential.contents {
            Err(cause) => {
                keys.report_unreadable(at, cause, &mut subject);
                keys.report(at, &mut subject);
            }
            Ok(read) => {
                subject.facts.extend(certificate::facts(read.leaf(), clock.now));
                keys.report(at, &mut subject);
                check.report(readable_at, read, &mut certificates, &mut subject);
                collisions.report(readable_at, &mut subject);
                readable_at += 1;
            }
        }
        report.subjects.push(subject);
    }
    Ok(report)
}

/// All credentials whose certificate could be read, and the certificates for their chains.
struct ClientCheck<'a> {
    readable: Vec<&'a Credential>,
    set: CredentialSet,
    roots: RootIndex<'a>,
    issuers: &'a [X509],
    clock: Clock,
    fix_order: Option<Target<'a>>,
}

impl<'a> ClientCheck<'a> {
    fn new(
        credentials: &'a [Credential],
        issuers: &'a [X509],
        clock: Clock,
        fix_order: Option<Target<'a>>,
    ) -> Result<ClientCheck<'a>, Failure> {
        let readable: Vec<&Credential> =
            credentials.iter().filter(|c| c.contents.is_ok()).collect();
        let parts: Vec<(&X509, &[X509])> = readable
            .iter()
            .filter_map(|c| c.contents.as_ref().ok())
            .map(|read| (read.leaf(), read.others.as_slice()))
            .collect();
        let set = CredentialSet::new(&parts, issuers).map_err(Failure::new)?;
        let mut roots = RootIndex::default();
        for certificate in parts.iter().flat_map(|(_, others)| *others).chain(issuers) {
            roots.add(certificate);
        }
        Ok(ClientCheck { readable, set, roots, issuers, clock, fix_order })
    }

    /// Returns the chain of a leaf, preferably one that is valid now.
    fn chain<'b>(&'b self, at: usize, read: &'b Certificates) -> Chain<'b> {
        let origin = |certificate: &X509| {
            if read.others.contains(certificate) {
                Origin::Own
            } else if self.issuers.contains(certificate) {
                Origin::Pool
            } else {
                let has_it = |credential: &&&Credential| {
                    credential.contents.as_ref().is_ok_and(|r| r.others.contains(certificate))
                };
                Origin::Other(self.readable.iter().find(has_it).map_or("", |c| &c.name).to_owned())
            }
        };
        let now = self.clock.now;
        let links: Vec<_> = self.set.chain(at, now).map(|c| (c, origin(c))).collect();
        let top = links.last().map_or(read.leaf(), |(certificate, _)| certificate);
        Chain { leaf: read.leaf(), root: self.roots.issuer_of(top), links }
    }

    /// Reports the findings about a certificate and its chain.
    fn report(
        &self,
        at: usize,
        read: &Certificates,
        certificates: &mut CertificateReports,
        subject: &mut Subject,
    ) {
        let chain = self.chain(at, read);
        let others: Vec<&X509> = self.set.reachable(at).collect();
        let in_file = &read.contents.certificates;
        let intermediates = chain.intermediates();
        let layout = Layout::new(in_file, read.leaf_at, &intermediates, &others, chain.root);
        subject.push(certificate::validity(read.leaf(), self.clock));
        usage::report_leaf(read.leaf(), Side::Client, subject);
        subject.push(certificates.strength(read.leaf(), Position::Leaf));
        if read.contents.is_ordered {
            layout.report(Side::Client, subject);
        }
        chain.report(&layout, Side::Client, None, subject);
        if let Some(target) = self.fix_order {
            let has_key = read.contents.has_private_key;
            fix_order::write(target, &chain.bundle(), has_key, subject);
        }
        for certificate in intermediates {
            subject.part(certificates.intermediate(certificate));
        }
    }
}
