// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL's verification of a chain (X509_verify_cert(3)), as the other side makes it.

use openssl::error::ErrorStack;
use openssl::ssl::SslFiletype;
use openssl::stack::Stack;
use openssl::x509::store::{X509Lookup, X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509StoreContext, X509VerifyResult};
use std::path::PathBuf;

/// What is trusted.
#[derive(Default)]
pub enum Anchor<'a> {
    #[default]
    Nothing,
    /// This certificate alone, whether it is a root or not.
    One(&'a X509),
    /// Roots, as a program has them in a file.
    Roots(&'a [X509]),
    /// The system's (SSL_CTX_set_default_verify_paths(3)).
    System,
}

/// How it is done. By default dates and purpose do not count.
#[derive(Default)]
pub struct Verification<'a> {
    pub anchors: Anchor<'a>,
    /// As the other side does: with dates, its purpose and its security level.
    pub strict: Option<Strict>,
    /// Files of revocation lists; then every certificate but the root needs one.
    pub crls: &'a [PathBuf],
}

/// See [`Verification::strict`].
pub struct Strict {
    pub purpose: X509PurposeId,
    pub security_level: i32,
}

/// Why it failed.
pub struct Failure {
    pub result: X509VerifyResult,
    /// The certificate at which it failed.
    pub certificate: Option<X509>,
}

impl Failure {
    /// OpenSSL's words.
    pub fn words(&self) -> &'static str {
        self.result.error_string()
    }

    pub fn is_signature(&self) -> bool {
        const X509_V_ERR_CERT_SIGNATURE_FAILURE: i32 = 7;
        self.result.as_raw() == X509_V_ERR_CERT_SIGNATURE_FAILURE
    }
}

impl Verification<'_> {
    /// `between`: certificates that are sent along.
    pub fn run(&self, leaf: &X509, between: &[&X509]) -> Result<(), Failure> {
        let no_memory = |_: ErrorStack| Failure {
            result: X509VerifyResult::APPLICATION_VERIFICATION,
            certificate: None,
        };
        let store = self.store().map_err(no_memory)?;
        let mut chain = Stack::new().map_err(no_memory)?;
        for certificate in between {
            chain.push((*certificate).clone()).map_err(no_memory)?;
        }
        let mut context = X509StoreContext::new().map_err(no_memory)?;
        context
            .init(&store, leaf, &chain, |context| {
                if context.verify_cert()? {
                    return Ok(Ok(()));
                }
                let certificate = context.current_cert().map(ToOwned::to_owned);
                Ok(Err(Failure { result: context.error(), certificate }))
            })
            .map_err(no_memory)?
    }

    fn store(&self) -> Result<X509Store, ErrorStack> {
        let mut store = X509StoreBuilder::new()?;
        let mut parameters = X509VerifyParam::new()?;
        match self.anchors {
            Anchor::Nothing => {}
            Anchor::One(certificate) => {
                store.add_cert(certificate.clone())?;
                parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
            }
            Anchor::Roots(roots) => {
                for root in roots {
                    store.add_cert(root.clone())?;
                }
            }
            Anchor::System => store.set_default_paths()?,
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
            // As libpq does it.
            parameters.set_flags(X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL)?;
        }
        store.set_param(&parameters)?;
        Ok(store.build())
    }
}
