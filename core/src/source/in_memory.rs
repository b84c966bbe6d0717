// SPDX-License-Identifier: MIT OR Apache-2.0
//! A credential from text in memory.

use super::bundle::{Bundle, SharedCertificates};
use super::{key, pem, store};
use crate::error::{Cause, Problem};
use crate::secret::Secret;
use crate::x509::certificate::Certificate;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::path::Path;

/// The maximum length of a text in bytes.
pub const MAX_BYTES: usize = 16 << 20;

/// The decoded parts of a credential.
pub struct InMemory {
    /// The end-entity certificate.
    pub leaf: X509,
    /// The key, which may belong to another certificate.
    pub key: PKey<Private>,
    /// The other certificates.
    pub chain: Vec<X509>,
}

/// Decodes certificates in PEM and a key in PEM or DER. If `key` is `None`, the key is in `certificates`.
/// Never prompts. Keeps no copy of a text.
pub fn decode(
    certificates: &[u8],
    key: Option<&[u8]>,
    password: Option<&Secret>,
) -> Result<InMemory, Cause> {
    let bundle = Bundle::parse(certificates, None, &mut SharedCertificates::default())?;
    let has_uri = |text: &[u8]| store::wrapped_uri(text).is_some();
    let text = match key {
        Some(key) => key,
        None if pem::has_private_key(certificates) || has_uri(certificates) => certificates,
        None => return Err(Cause::NoKeyBesideCertificate(Path::new("").to_owned())),
    };
    let decoded = |x: &Certificate| x.get().cloned().map_err(|why| why.cause(None));
    let leaf = decoded(&bundle.leaf)?;
    let chain = bundle.extra.iter().map(|x| decoded(x)).collect::<Result<_, _>>()?;
    if has_uri(text) {
        // OpenSSL's decoders would log in to the token several times.
        return Err(Cause::Key(Path::new("").to_owned(), Problem::UriInMemory.into()));
    }
    let (key, _) = key::decode(text, Path::new(""), password, None)?;
    Ok(InMemory { leaf, key, chain })
}
