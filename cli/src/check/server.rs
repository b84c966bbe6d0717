// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of a server, as the server will load them and as its clients will judge them.

mod crl;
mod key_file;
mod roots;

use super::chain::{self, Chain, Origin};
use super::fix_order::{self, Target};
use super::order::Layout;
use super::parts::Parts;
use super::{Calendar, usage};
use crate::certificate;
use crate::credentials::directory::Contents;
use crate::credentials::passwords;
use crate::failure::Failure;
use crate::hostname::{self, Match};
use crate::inspect::{self, CertificateFile, Set, Side};
use crate::report::{Level, Report, Subject};
use crate::strength::Place;
use certpick_core::Secret;
use certpick_core::error::file_name;
use certpick_core::list;
use key_file::Key;
use openssl::x509::X509;
use roots::Roots;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The options that say what there is.
pub struct Files<'a> {
    pub cert: &'a Path,
    /// `None`: it is in the certificate's file.
    pub key: Option<&'a Path>,
    pub password_file: Option<&'a Path>,
    pub root: Option<&'a OsStr>,
    pub issuers: Option<&'a Path>,
    pub hosts: &'a [String],
    pub crls: &'a [PathBuf],
    pub fix_order: Option<Target<'a>>,
}

/// What there is to say.
pub fn report(files: &Files<'_>, calendar: Calendar) -> Result<Report, Failure> {
    let mut report = Report::new("check");
    let mut subject = Subject::new("server", file_name(files.cert));
    let key_file = files.key.unwrap_or(files.cert);
    subject.fact("key_file", "key file", file_name(key_file));
    let issuers = super::inputs::read_issuers(files.issuers, &mut report.subjects);
    let password = password(files.password_file, &mut subject);
    let read = CertificateFile::read(files.cert).and_then(Contents::of);
    let roots = files.root.map(|root| roots::read(root, &mut subject));
    match read {
        Err(cause) => {
            super::keys::tell_unreadable(files.cert, &cause, &mut subject);
            key_file::tell(key_file, password.as_ref(), &mut subject);
        }
        Ok(contents) => {
            let server = Server { files, calendar, contents, issuers, roots };
            subject.facts.extend(certificate::describe(server.first(), calendar.now));
            let own = server.tell_key(key_file, password.as_ref(), &mut subject);
            server.tell(own, &mut subject)?;
        }
    }
    report.subjects.push(subject);
    Ok(report)
}

fn password(file: Option<&Path>, subject: &mut Subject) -> Option<Secret> {
    match passwords::read(file?) {
        Ok(lines) => list::password_lines(&lines).into_iter().next().flatten(),
        Err(failure) => {
            subject.finding("password_file", Level::Wrong, failure.words());
            None
        }
    }
}

struct Server<'a> {
    files: &'a Files<'a>,
    calendar: Calendar,
    contents: Contents,
    issuers: Vec<X509>,
    roots: Option<Roots>,
}

impl Server<'_> {
    /// What the server takes for its own certificate, wherever the leaf is.
    fn first(&self) -> &X509 {
        &self.contents.certificates[0]
    }

    /// Gives the place of the certificate that the key belongs to.
    fn tell_key(
        &self,
        file: &Path,
        password: Option<&Secret>,
        subject: &mut Subject,
    ) -> Option<usize> {
        const KEY: &str = "key_matches";
        match key_file::tell(file, password, subject) {
            Key::Unusable => None,
            Key::Encrypted => {
                let text = "whether the private key belongs to the certificate cannot be told \
                            without its password";
                let advice = "give it in a file by --sslpassword-file";
                subject.advised(KEY, Level::Unknown, text, advice);
                None
            }
            Key::Loaded(key) => match inspect::matches(self.first(), &key, file) {
                Ok(()) => {
                    let text = "the private key belongs to the certificate";
                    subject.finding(KEY, Level::Good, text);
                    Some(0)
                }
                Err(cause) => {
                    let fits = |x: &X509| inspect::matches(x, &key, file).is_ok();
                    let owner = self.contents.certificates.iter().position(fits);
                    match owner.map(|at| &self.contents.certificates[at]) {
                        Some(owner) => subject.advised(
                            KEY,
                            Level::Wrong,
                            cause.to_string(),
                            format!(
                                "it is the key of {}, which must come first in the file",
                                inspect::name_text(owner.subject_name())
                            ),
                        ),
                        None => subject.finding(KEY, Level::Wrong, cause.to_string()),
                    };
                    owner
                }
            },
        }
    }

    /// `own`: the place of the certificate that the key belongs to, if that is known.
    fn tell(&self, own: Option<usize>, subject: &mut Subject) -> Result<(), Failure> {
        let Calendar { now, min_days } = self.calendar;
        let certificates = &self.contents.certificates;
        let leaf_at = own.unwrap_or_else(|| inspect::leaf_position(certificates));
        let leaf = &certificates[leaf_at];
        let mut companions = certificates.clone();
        companions.remove(leaf_at);

        let set =
            Set::new(&[(leaf, companions.as_slice())], &self.issuers).map_err(Failure::new)?;
        let chain = self.chain(leaf, &companions, &set);
        let others: Vec<&X509> = set.reachable(0).collect();
        let between = chain.certificates();
        let layout = Layout::new(certificates, leaf_at, &between, &others, chain.root);

        let mut parts = Parts::new(Side::Server, self.calendar);
        subject.push(certificate::validity(leaf, now, min_days));
        usage::tell_leaf(leaf, Side::Server, subject);
        subject.push(parts.strength(leaf, Place::Leaf));
        self.tell_hosts(leaf, subject);
        layout.tell(Side::Server, subject);

        let sent: Vec<&X509> = companions.iter().collect();
        let crls = self.tell_crls(&chain, subject);
        let verified = match &self.roots {
            Some(roots) => roots.verify(leaf, &sent, &crls, subject),
            None => {
                let text = "not held against a client's roots: --root names them";
                subject.finding("verified", Level::Note, text);
                None
            }
        };
        chain.tell(&layout, Side::Server, verified, subject);
        for certificate in between {
            subject.part(parts.intermediate(certificate));
        }
        self.tell_roots(leaf, &chain, subject);
        if let Some(target) = self.files.fix_order {
            fix_order::write(target, &chain.bundle(), self.contents.has_private_key, subject);
        }
        Ok(())
    }

    fn chain<'b>(&'b self, leaf: &'b X509, companions: &'b [X509], set: &'b Set) -> Chain<'b> {
        let origin = |certificate: &X509| {
            if companions.contains(certificate) { Origin::Own } else { Origin::Pool }
        };
        let links: Vec<_> = set.chain(0, self.calendar.now).map(|c| (c, origin(c))).collect();
        let top = links.last().map_or(leaf, |(certificate, _)| certificate);
        let mut known = chain::Roots::default();
        let own_roots = self.roots.as_ref().map_or(&[][..], Roots::certificates);
        for certificate in companions.iter().chain(&self.issuers).chain(own_roots) {
            known.add(certificate);
        }
        Chain { leaf, root: known.of(top), links }
    }

    fn tell_hosts(&self, leaf: &X509, subject: &mut Subject) {
        let names = certificate::alternative_names(leaf);
        let is_for_hosts = |n: &String| n.starts_with("DNS:") || n.starts_with("IP:");
        if !names.iter().any(is_for_hosts) {
            let text = "it has no subjectAltName for a host: libpq takes its CN, other clients do \
                        not";
            let advice = "get a certificate with subjectAltName=DNS:...";
            subject.advised("names", Level::Warning, text, advice);
        }
        for host in self.files.hosts {
            let host_name = certpick_core::text::excerpt(host);
            match hostname::matches(leaf, host) {
                Match::Yes(name) => {
                    let text = format!("it is for the host {host_name}, by the name {name}");
                    subject.finding("host", Level::Good, text);
                }
                Match::No(names) if names.is_empty() => {
                    let text = format!("it is not for the host {host_name}: it has no names");
                    subject.finding("host", Level::Wrong, text);
                }
                Match::No(names) => {
                    let text = format!(
                        "it is not for the host {host_name}, only for {}",
                        names.join(", ")
                    );
                    subject.finding("host", Level::Wrong, text);
                }
                Match::Refused(why) => {
                    let text =
                        format!("whether it is for the host {host_name} cannot be told: {why}");
                    subject.finding("host", Level::Wrong, text);
                }
            }
        }
    }

    /// Gives those that can be used for the verification.
    fn tell_crls(&self, chain: &Chain<'_>, subject: &mut Subject) -> Vec<PathBuf> {
        let mut certificates = vec![chain.leaf];
        certificates.extend(chain.certificates());
        let roots = self.roots.as_ref().map_or(&[][..], Roots::certificates);
        let own = certificates.iter().copied().chain(chain.root);
        let cas: Vec<&X509> = own.chain(roots).chain(&self.contents.certificates).collect();
        let now = self.calendar.now;
        let usable = |file: &&PathBuf| crl::tell(file, &certificates, &cas, now, subject);
        self.files.crls.iter().filter(usable).cloned().collect()
    }

    /// The root that ends the chain; or those that cannot, if that is not known and they are few.
    fn tell_roots(&self, leaf: &X509, chain: &Chain<'_>, subject: &mut Subject) {
        const MOST: usize = 3;
        let Some(Roots::File(_, roots)) = &self.roots else { return };
        match chain.root.filter(|root| roots.contains(root)) {
            Some(root) => roots::tell_root(root, leaf, self.calendar, subject),
            None if roots.len() <= MOST => {
                for root in roots {
                    roots::tell_root(root, leaf, self.calendar, subject);
                }
            }
            None => {}
        }
    }
}
