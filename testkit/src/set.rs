// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets of credentials, with their files in a directory.

use crate::certificates::{Identity, pem};
use crate::directory::Directory;
use certpick_core::choice::Policy;
use certpick_core::{FrozenSelector, PasswordCallback, Secret, Selector};
use openssl::x509::X509;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

/// A set under construction.
#[derive(Default)]
pub struct Set {
    directory: Directory,
    selector: Selector,
    leaves: Vec<X509>,
}

impl Set {
    pub fn new() -> Set {
        Set::default()
    }

    /// Creates a set with one credential for each identity, in `1.crt`, `1.key` and so on.
    pub fn of(identities: &[&Identity]) -> Set {
        let mut set = Set::new();
        for identity in identities {
            let name = (set.leaves.len() + 1).to_string();
            set.add(&name, identity, &[]);
        }
        set
    }

    pub fn count(&self) -> usize {
        self.leaves.len()
    }

    /// Adds `NAME.crt`, with the leaf and then the chain, and `NAME.key`.
    pub fn add(&mut self, name: &str, identity: &Identity, chain: &[&X509]) {
        let mut certificates = vec![&identity.certificate];
        certificates.extend(chain);
        self.add_in_order(name, identity, &certificates);
    }

    /// Like [`Set::add`], with the certificates in this order.
    pub fn add_in_order(&mut self, name: &str, identity: &Identity, certificates: &[&X509]) {
        let certificate = self.write(format!("{name}.crt"), pem(certificates));
        let key = self.write(format!("{name}.key"), identity.key_pem());
        self.add_files(identity, certificate, Some(key), None);
    }

    /// Adds `NAME.crt`, and a key file with these bytes and this mode.
    pub fn add_with_key(
        &mut self,
        name: &str,
        identity: &Identity,
        key: (&[u8], u32),
        password: Option<&str>,
    ) {
        let certificate = self.write(format!("{name}.crt"), identity.pem());
        let key = self.write_with_mode(format!("{name}.key"), key.0, key.1);
        self.add_files(identity, certificate, Some(key), password);
    }

    /// Adds existing files.
    pub fn add_files(
        &mut self,
        identity: &Identity,
        certificate: PathBuf,
        key: Option<PathBuf>,
        password: Option<&str>,
    ) {
        let password = password.and_then(|p| Secret::new(p.as_bytes()));
        self.selector.add_files(certificate, key, password).unwrap();
        self.leaves.push(identity.certificate.clone());
    }

    /// Adds a credential without files.
    pub fn add_from_memory(&mut self, identity: &Identity, chain: &[&X509]) {
        let chain = chain.iter().map(|x| (*x).clone()).collect();
        let (leaf, key) = (identity.certificate.clone(), identity.key.clone());
        self.selector.add_credential(leaf, key, chain).unwrap();
        self.leaves.push(identity.certificate.clone());
    }

    /// Adds certificates to the issuer pool.
    pub fn add_issuers(&mut self, certificates: &[&X509]) {
        let path = self.write("issuers.pem", pem(certificates));
        self.selector.add_issuers(&path).unwrap();
    }

    pub fn policy(&mut self) -> &mut Policy {
        self.selector.policy_mut()
    }

    pub fn set_password_callback(&mut self, callback: PasswordCallback) {
        self.selector.set_password_callback(Some(callback));
    }

    pub fn freeze(mut self) -> Frozen {
        let selector = Arc::new(self.selector.freeze().unwrap());
        Frozen { directory: self.directory, selector, leaves: self.leaves }
    }
}

impl Deref for Set {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}

/// A set with a frozen selector, for handshakes.
pub struct Frozen {
    directory: Directory,
    pub selector: Arc<FrozenSelector>,
    /// The leaf of each credential.
    pub leaves: Vec<X509>,
}

impl Frozen {
    /// Freezes a selector. `leaves` are those of its credentials, and `directory` has their files.
    pub fn new(directory: Directory, mut selector: Selector, leaves: Vec<X509>) -> Frozen {
        let selector = Arc::new(selector.freeze().unwrap());
        Frozen { directory, selector, leaves }
    }

    /// Like [`Frozen::new`], for files that the caller keeps.
    pub fn over(selector: Selector, leaves: Vec<X509>) -> Frozen {
        Frozen::new(Directory::new(), selector, leaves)
    }
}

impl Deref for Frozen {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}
