// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets of credentials in the files of a directory of their own.

use super::certificates::{Identity, pem};
use super::handshake::{Handshake, Version, Way};
use certpick_core::choice::Policy;
use certpick_core::{FrozenSelector, PasswordCallback, Secret, Selector};
use openssl::x509::X509;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// One that is being put together.
pub struct Set {
    dir: TempDir,
    selector: Selector,
    leaves: Vec<X509>,
}

impl Set {
    pub fn new() -> Set {
        let dir = tempfile::tempdir().unwrap();
        Set { dir, selector: Selector::new(), leaves: Vec::new() }
    }

    /// One credential for each, in `1.crt`, `1.key` and so on.
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

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file that nobody else may read.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        self.write_with_mode(name, bytes, 0o600)
    }

    pub fn write_with_mode(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    /// `NAME.crt` with the leaf and what is to come behind it, and `NAME.key`.
    pub fn add(&mut self, name: &str, identity: &Identity, chain: &[&X509]) {
        let mut certificates = vec![&identity.certificate];
        certificates.extend(chain);
        self.add_in_order(name, identity, &certificates);
    }

    /// The same with the certificates in just this order.
    pub fn add_in_order(&mut self, name: &str, identity: &Identity, certificates: &[&X509]) {
        let certificate = self.write(&format!("{name}.crt"), &pem(certificates));
        let pem = identity.key.private_key_to_pem_pkcs8().unwrap();
        let key = self.write(&format!("{name}.key"), &pem);
        self.add_files(identity, certificate, Some(key), None);
    }

    /// `NAME.crt`, and a key file with these bytes and this mode.
    pub fn add_with_key(
        &mut self,
        name: &str,
        identity: &Identity,
        key: (&[u8], u32),
        password: Option<&str>,
    ) {
        let certificate = self.write(&format!("{name}.crt"), &identity.pem());
        let key = self.write_with_mode(&format!("{name}.key"), key.0, key.1);
        self.add_files(identity, certificate, Some(key), password);
    }

    /// Files that are there already.
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

    /// One that is held in memory.
    pub fn add_from_memory(&mut self, identity: &Identity, chain: &[&X509]) {
        let chain = chain.iter().map(|x| (*x).clone()).collect();
        let (leaf, key) = (identity.certificate.clone(), identity.key.clone());
        self.selector.add_credential(leaf, key, chain).unwrap();
        self.leaves.push(identity.certificate.clone());
    }

    /// Certificates for the issuer pool.
    pub fn add_issuers(&mut self, certificates: &[&X509]) {
        let path = self.write("issuers.pem", &pem(certificates));
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
        Frozen { dir: self.dir, selector, leaves: self.leaves }
    }
}

/// One that handshakes use.
pub struct Frozen {
    dir: TempDir,
    pub selector: Arc<FrozenSelector>,
    /// The leaf of each credential.
    pub leaves: Vec<X509>,
}

impl Frozen {
    /// One over files elsewhere; `leaves` are those of its credentials.
    pub fn over(mut selector: Selector, leaves: Vec<X509>) -> Frozen {
        let selector = Arc::new(selector.freeze().unwrap());
        Frozen { dir: tempfile::tempdir().unwrap(), selector, leaves }
    }

    /// One over a set's files.
    pub fn within(set: Set, mut selector: Selector, leaves: Vec<X509>) -> Frozen {
        let selector = Arc::new(selector.freeze().unwrap());
        Frozen { dir: set.dir, selector, leaves }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A handshake of a client with these credentials; its server does not insist and names no CA.
    pub fn handshake(&self, version: Version, way: Way) -> Handshake<'_> {
        Handshake::new(self, version, way)
    }
}
