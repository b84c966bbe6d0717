// SPDX-License-Identifier: MIT OR Apache-2.0
//! The root certificates of a client, as libpq's sslrootcert names them.

use crate::certificate_file::CertificateFile;
use certpick_core::error::{Cause, file_name};
use openssl::x509::X509;
use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// The trusted root certificates.
pub enum Roots {
    /// SSL_CTX_set_default_verify_paths(3).
    System,
    File(PathBuf, Vec<X509>),
}

impl Roots {
    /// Reads a file, or takes the system's roots for the name "system".
    pub fn read(name: &OsStr) -> Result<Roots, Cause> {
        if name == "system" {
            return Ok(Roots::System);
        }
        let path = Path::new(name);
        Ok(Roots::File(path.to_owned(), CertificateFile::read(path)?.roots()?))
    }

    /// Returns the certificates of the file; empty for the system's roots.
    pub fn certificates(&self) -> &[X509] {
        match self {
            Roots::System => &[],
            Roots::File(_, certificates) => certificates,
        }
    }
}

impl Display for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Roots::System => f.write_str("the system's roots"),
            Roots::File(path, _) => write!(f, "\"{}\"", file_name(path)),
        }
    }
}
