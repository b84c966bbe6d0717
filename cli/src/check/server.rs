// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks the files of a server: whether the server can load them, and whether clients accept them.

mod crl;
mod key_file;
mod roots;

use super::certificate_reports::CertificateReports;
use super::chain::{Chain, Origin, RootIndex};
use super::keys::{self, KEY_MATCHES};
use super::order::Layout;
use super::{Options, fix_order, inputs, usage};
use crate::certificate::{self, Clock};
use crate::certificate_file::{CertificateFile, Contents};
use crate::credential_set::CredentialSet;
use crate::credentials::passwords;
use crate::facts::{self, Side};
use crate::failure::Failure;
use crate::hostname;
use crate::report::{Level, Report, Subject};
use crate::roots::Roots;
use crate::strength::Position;
use certpick_core::Secret;
use certpick_core::error::file_name;
use certpick_core::list;
use certpick_core::x509::name;
use key_file::ServerKey;
use openssl::x509::X509;
use std::path::{Path, PathBuf};

/// Returns the report about a server with the certificate file `cert`.
pub fn report(options: &Options, cert: &Path, clock: Clock) -> Result<Report, Failure> {
    let mut report = Report::new("check");
    let mut subject = Subject::new("server", file_name(cert));
    let key_file = options.key.as_deref().unwrap_or(cert);
    subject.fact("key_file", "key file", file_name(key_file));
    let credentials = &options.credentials;
    let issuers = inputs::read_issuers(credentials.issuers.as_deref(), &mut report.subjects);
    let password = password(credentials.sslpassword_file.as_deref(), &mut subject);
    let contents = CertificateFile::read(cert).and_then(Contents::of);
    let roots = match options.root.as_deref().map(Roots::read) {
        Some(Err(cause)) => {
            subject.finding("root_file", Level::Wrong, cause.to_string());
            None
        }
        roots => roots.transpose().ok().flatten(),
    };
    match contents {
        Err(cause) => {
            keys::report_unreadable(cert, &cause, &mut subject);
            key_file::report(key_file, password.as_ref(), &mut subject);
        }
        Ok(contents) => {
            let check = ServerCheck { options, clock, contents, issuers, roots };
            subject.facts.extend(certificate::facts(check.first(), clock.now));
            let key_owner = check.report_key(key_file, password.as_ref(), &mut subject);
            check.report(key_owner, &mut subject)?;
        }
    }
    report.subjects.push(subject);
    Ok(report)
}

/// Reads the password of the server's key.
fn password(file: Option<&Path>, subject: &mut Subject) -> Option<Secret> {
    match passwords::read(file?) {
        Ok(lines) => list::password_lines(&lines).into_iter().next().flatten(),
        Err(failure) => {
            subject.finding("password_file", Level::Wrong, failure.message());
            None
        }
    }
}

struct ServerCheck<'a> {
    options: &'a Options,
    clock: Clock,
    contents: Contents,
    issuers: Vec<X509>,
    roots: Option<Roots>,
}

impl ServerCheck<'_> {
    /// Returns the certificate that the server uses as its own, even if it is not the leaf.
    fn first(&self) -> &X509 {
        &self.contents.certificates[0]
    }

    /// Reports the findings about the key. Returns the index of the certificate that it matches.
    fn report_key(
        &self,
        file: &Path,
        password: Option<&Secret>,
        subject: &mut Subject,
    ) -> Option<usize> {
        const KEY: &str = "key_matches";
        match key_file::report(file, password, subject) {
            ServerKey::Unusable => None,
            ServerKey::Encrypted => {
                let text = "without its password, the private key cannot be compared with the \
                            certificate";
                let advice = "Write the password to a file and name it with --sslpassword-file.";
                subject.advised(KEY, Level::Unknown, text, advice);
                None
            }
            ServerKey::Loaded(key) => match facts::matches(self.first(), &key, file) {
                Ok(()) => {
                    subject.finding(KEY, Level::Good, KEY_MATCHES);
                    Some(0)
                }
                Err(cause) => {
                    let fits = |x: &X509| facts::matches(x, &key, file).is_ok();
                    let owner = self.contents.certificates.iter().position(fits);
                    match owner.map(|at| &self.contents.certificates[at]) {
                        Some(owner) => subject.advised(
                            KEY,
                            Level::Wrong,
                            cause.to_string(),
                            format!(
                                "It is the key of {}, which must come first in the file.",
                                name::text(owner.subject_name())
                            ),
                        ),
                        None => subject.finding(KEY, Level::Wrong, cause.to_string()),
                    };
                    owner
                }
            },
        }
    }

    /// Reports the findings about the certificates. `key_owner` is the index of the certificate that
    /// the key matches.
    fn report(&self, key_owner: Option<usize>, subject: &mut Subject) -> Result<(), Failure> {
        let certificates = &self.contents.certificates;
        let leaf_at = key_owner.unwrap_or_else(|| facts::leaf_position(certificates));
        let leaf = &certificates[leaf_at];
        let mut others = certificates.clone();
        others.remove(leaf_at);

        let set = CredentialSet::new(&[(leaf, others.as_slice())], &self.issuers)
            .map_err(Failure::new)?;
        let chain = self.chain(leaf, &others, &set);
        let reachable: Vec<&X509> = set.reachable(0).collect();
        let intermediates = chain.intermediates();
        let layout = Layout::new(certificates, leaf_at, &intermediates, &reachable, chain.root);

        let mut reports = CertificateReports::new(Side::Server, self.clock);
        subject.push(certificate::validity(leaf, self.clock));
        usage::report_leaf(leaf, Side::Server, subject);
        subject.push(reports.strength(leaf, Position::Leaf));
        self.report_hosts(leaf, subject);
        layout.report(Side::Server, subject);

        let sent: Vec<&X509> = others.iter().collect();
        let crls = self.report_crls(&chain, subject);
        let verified = match &self.roots {
            Some(roots) => Some(roots::verify(roots, leaf, &sent, &crls, subject)),
            None => {
                if self.options.root.is_none() {
                    let text = "not verified against the roots of a client; --root names them";
                    subject.finding("verified", Level::Note, text);
                }
                None
            }
        };
        chain.report(&layout, Side::Server, verified, subject);
        for certificate in intermediates {
            subject.part(reports.intermediate(certificate));
        }
        self.report_roots(leaf, &chain, subject);
        if let Some(target) = self.options.fix_order() {
            fix_order::write(target, &chain.bundle(), self.contents.has_private_key, subject);
        }
        Ok(())
    }

    fn chain<'b>(
        &'b self,
        leaf: &'b X509,
        others: &'b [X509],
        set: &'b CredentialSet,
    ) -> Chain<'b> {
        let origin = |certificate: &X509| {
            if others.contains(certificate) { Origin::Own } else { Origin::Pool }
        };
        let links: Vec<_> = set.chain(0, self.clock.now).map(|c| (c, origin(c))).collect();
        let top = links.last().map_or(leaf, |(certificate, _)| certificate);
        let mut known = RootIndex::default();
        for certificate in others.iter().chain(&self.issuers).chain(self.root_certificates()) {
            known.add(certificate);
        }
        Chain { leaf, root: known.issuer_of(top), links }
    }

    fn root_certificates(&self) -> &[X509] {
        self.roots.as_ref().map_or(&[], Roots::certificates)
    }

    fn report_hosts(&self, leaf: &X509, subject: &mut Subject) {
        let names = certificate::alternative_names(leaf);
        let is_host_name = |n: &String| n.starts_with("DNS:") || n.starts_with("IP:");
        if !names.iter().any(is_host_name) {
            let text = "the certificate has no subjectAltName for a host: libpq uses its CN, but other clients \
                        do not";
            let advice = "Get a certificate with subjectAltName=DNS:NAME.";
            subject.advised("names", Level::Warning, text, advice);
        }
        for host in &self.options.host {
            subject.push(hostname::finding(leaf, host, Level::Wrong));
        }
    }

    /// Reports the findings about the CRLs. Returns the files that can be used for verification.
    fn report_crls(&self, chain: &Chain<'_>, subject: &mut Subject) -> Vec<PathBuf> {
        let mut certificates = vec![chain.leaf];
        certificates.extend(chain.intermediates());
        let own = certificates.iter().copied().chain(chain.root);
        let cas = own.chain(self.root_certificates()).chain(&self.contents.certificates);
        let cas: Vec<&X509> = cas.collect();
        let now = self.clock.now;
        let usable = |file: &&PathBuf| crl::report(file, &certificates, &cas, now, subject);
        self.options.crl.iter().filter(usable).cloned().collect()
    }

    /// Reports the root of the chain. If it is unknown, reports all roots, unless they are many.
    fn report_roots(&self, leaf: &X509, chain: &Chain<'_>, subject: &mut Subject) {
        const MAX_ROOTS: usize = 3;
        let roots = self.root_certificates();
        match chain.root.filter(|root| roots.contains(root)) {
            Some(root) => roots::report_root(root, leaf, self.clock, subject),
            None if roots.len() <= MAX_ROOTS => {
                for root in roots {
                    roots::report_root(root, leaf, self.clock, subject);
                }
            }
            None => {}
        }
    }
}
