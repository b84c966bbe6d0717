// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chain verification with OpenSSL (X509_verify_cert(3)), as the peer does it.

use crate::chain_error::ChainError;
use openssl::error::ErrorStack;
use openssl::ssl::SslFiletype;
use openssl::stack::Stack;
use openssl::x509::store::{X509Lookup, X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509StoreContext, X509VerifyResult};
use std::path::PathBuf;

/// The trust anchors.
#[derive(Default)]
pub enum Anchors<'a> {
    #[default]
    Nothing,
    /// This certificate, which need not be a root.
    One(&'a X509),
    /// The roots of a file.
    Roots(&'a [X509]),
    /// The system's roots (SSL_CTX_set_default_verify_paths(3)).
    System,
}

/// The parameters of a verification. By default, dates and purpose are not checked.
#[derive(Default)]
pub struct Verification<'a> {
    pub anchors: Anchors<'a>,
    /// Also checks dates, purpose and security level.
    pub strict: Option<Strict>,
    /// Files with CRLs. If there are any, every certificate except the root needs a CRL.
    pub crls: &'a [PathBuf],
}

pub struct Strict {
    pub purpose: X509PurposeId,
    pub security_level: i32,
}

impl Verification<'_> {
    /// Verifies `leaf`. `untrusted` are the other certificates that are sent.
    pub fn run(&self, leaf: &X509, untrusted: &[&X509]) -> Result<(), ChainError> {
        let no_memory = |_: ErrorStack| ChainError {
            result: X509VerifyResult::APPLICATION_VERIFICATION,
            certificate: None,
        };
        let store = self.store().map_err(no_memory)?;
        let mut chain = Stack::new().map_err(no_memory)?;
        for certificate in untrusted {
            chain.push((*certificate).clone()).map_err(no_memory)?;
        }
        let mut context = X509StoreContext::new().map_err(no_memory)?;
        context
            .init(&store, leaf, &chain, |context| {
                if context.verify_cert()? {
                    return Ok(Ok(()));
                }
                let certificate = context.current_cert().map(ToOwned::to_owned);
                Ok(Err(ChainError { result: context.error(), certificate }))
            })
            .map_err(no_memory)?
    }

    fn store(&self) -> Result<X509Store, ErrorStack> {
        let mut store = X509StoreBuilder::new()?;
        let mut parameters = X509VerifyParam::new()?;
        match self.anchors {
            Anchors::Nothing => {}
            Anchors::One(certificate) => {
                store.add_cert(certificate.clone())?;
                parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
            }
            Anchors::Roots(roots) => {
                for root in roots {
                    store.add_cert(root.clone())?;
                }
            }
            Anchors::System => store.set_default_paths()?,
        }
        match &self.strict {
            Some(strict) => {
                parameters.set_purpose(strict.purpose)?;
                parameters.set_auth_level(strict.security_level);
            }
            None => parameters.set_flags(X509VerifyFlags::NO_CHECK_TIME)?,
        }
        if !self.crls.is_empty() {
            let files = store.add_lookup(X509Lookup::file())?;
            for file in self.crls {
                files.load_crl_file(file, SslFiletype::PEM)?;
            }
            // The flags that libpq sets.
            parameters.set_flags(X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL)?;
        }
        store.set_param(&parameters)?;
        Ok(store.build())
    }
}
