// SPDX-License-Identifier: MIT OR Apache-2.0
//! sslmode and sslrootcert: how the server is verified.

use crate::failure::Failure;
use crate::report::Level;
use crate::roots::Roots;
use certpick_core::error::file_name;
use clap::ValueEnum;
use openssl::error::ErrorStack;
use openssl::ssl::SslContextBuilder;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// libpq's parameter of this name, without the values that may not use TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SslMode {
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

pub struct Trust {
    mode: SslMode,
    /// As in libpq, the server is verified in every mode if there are roots.
    pub roots: Option<Roots>,
}

impl Trust {
    /// Reads the roots and checks the combination with the mode, by libpq's rules.
    pub fn new(mode: Option<SslMode>, roots: Option<&OsStr>) -> Result<Trust, Failure> {
        let default_file = default_file();
        let name = roots.or_else(|| {
            default_file.as_deref().filter(|file| file.exists()).map(|file| file.as_os_str())
        });
        let roots = name.map(Roots::read).transpose();
        let roots = roots.map_err(|cause| Failure::new(format!("--sslrootcert: {cause}")))?;
        let mode = mode.unwrap_or(match roots {
            Some(_) => SslMode::VerifyFull,
            None => SslMode::Require,
        });
        if roots.is_none() && matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull) {
            let file = default_file.as_deref().unwrap_or(Path::new("~/.postgresql/root.crt"));
            return Err(Failure::new(format!(
                "root certificate file \"{}\" does not exist\n\
                 Name a file with --sslrootcert, or the system's roots with --sslrootcert system.",
                file_name(file)
            )));
        }
        if mode != SslMode::VerifyFull && matches!(roots, Some(Roots::System)) {
            // libpq's rule, because anyone can get a certificate from a public CA.
            return Err(Failure::new("--sslrootcert system requires --sslmode verify-full"));
        }
        Ok(Trust { mode, roots })
    }

    /// Returns whether libpq would fail rather than continue without TLS.
    pub fn requires_tls(&self) -> bool {
        self.mode != SslMode::Prefer
    }

    /// Returns whether the server's certificate must contain the host name.
    pub fn requires_name(&self) -> bool {
        self.mode == SslMode::VerifyFull
    }

    /// Returns the level of the finding that the host name does not match.
    pub fn level_of_name(&self) -> Level {
        if self.requires_name() { Level::Wrong } else { Level::Warning }
    }

    /// Loads the roots into an SSL_CTX.
    pub fn load_roots(&self, context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
        match &self.roots {
            None => Ok(()),
            Some(Roots::System) => context.set_default_verify_paths(),
            Some(Roots::File(_, certificates)) => certificates
                .iter()
                .try_for_each(|root| context.cert_store_mut().add_cert(root.clone())),
        }
    }
}

/// Returns libpq's default sslrootcert.
#[allow(deprecated)] // in Rust before 1.87, for its behaviour on Windows
fn default_file() -> Option<PathBuf> {
    Some(std::env::home_dir()?.join(".postgresql/root.crt"))
}
