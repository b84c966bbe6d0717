// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is demanded of a server, and the roots by which it is judged.

use crate::inspect::CertificateFile;
use crate::report::Level;
use certpick_core::error::file_name;
use clap::ValueEnum;
use openssl::error::ErrorStack;
use openssl::ssl::SslContextBuilder;
use openssl::x509::X509;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// libpq's parameter of this name, without what would not use TLS at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SslMode {
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// The roots.
enum Roots {
    None,
    System,
    File(PathBuf, Vec<X509>),
}

/// See the module.
pub struct Trust {
    mode: SslMode,
    roots: Roots,
}

impl Trust {
    /// As libpq finds them; an error in words.
    pub fn new(mode: Option<SslMode>, roots: Option<&OsStr>) -> Result<Trust, String> {
        let found = match roots {
            Some(name) if name == "system" => Roots::System,
            Some(name) => read(Path::new(name))?,
            None => match usual_file() {
                Some(path) if path.exists() => read(&path)?,
                _ => Roots::None,
            },
        };
        let has_roots = !matches!(found, Roots::None);
        let mode = mode.unwrap_or(if has_roots { SslMode::VerifyFull } else { SslMode::Require });
        if !has_roots && matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull) {
            let file = usual_file();
            let file = file.as_deref().unwrap_or(Path::new("~/.postgresql/root.crt"));
            return Err(format!(
                "root certificate file \"{}\" does not exist; name one by --sslrootcert, or the \
                 system's by --sslrootcert system",
                file_name(file)
            ));
        }
        if mode != SslMode::VerifyFull && matches!(found, Roots::System) {
            // libpq's rule: anybody can have a certificate of those CAs.
            return Err("--sslrootcert system goes with --sslmode verify-full alone: the name is \
                        all that tells one server from another there"
                .to_owned());
        }
        Ok(Trust { mode, roots: found })
    }

    /// Whether libpq would rather not connect than go on without TLS.
    pub fn demands_tls(&self) -> bool {
        self.mode != SslMode::Prefer
    }

    /// How bad it is that the host is not among the certificate's names.
    pub fn level_of_name(&self) -> Level {
        if self.demands_name() { Level::Wrong } else { Level::Warning }
    }

    /// Whether a server that is not verified is told nothing. libpq verifies in every mode where there
    /// are roots, and fails before its certificate is sent.
    pub fn verifies(&self) -> bool {
        !matches!(self.roots, Roots::None)
    }

    /// Whether the host must be among the certificate's names.
    pub fn demands_name(&self) -> bool {
        self.mode == SslMode::VerifyFull
    }

    /// The roots in words, if there are any.
    pub fn name(&self) -> Option<String> {
        match &self.roots {
            Roots::None => None,
            Roots::System => Some("the system's roots".to_owned()),
            Roots::File(path, _) => Some(format!("\"{}\"", file_name(path))),
        }
    }

    /// Sees to it that a handshake verifies by them.
    pub fn set(&self, context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
        match &self.roots {
            Roots::None => Ok(()),
            Roots::System => context.set_default_verify_paths(),
            Roots::File(_, certificates) => {
                for certificate in certificates {
                    context.cert_store_mut().add_cert(certificate.clone())?;
                }
                Ok(())
            }
        }
    }
}

fn read(path: &Path) -> Result<Roots, String> {
    let certificates = CertificateFile::read(path).and_then(|file| file.roots());
    let certificates = certificates.map_err(|cause| format!("--sslrootcert: {cause}"))?;
    Ok(Roots::File(path.to_owned(), certificates))
}

/// Where libpq looks when nothing is said.
#[allow(deprecated)] // by Rust before 1.87, for what it does on Windows
fn usual_file() -> Option<PathBuf> {
    Some(std::env::home_dir()?.join(".postgresql/root.crt"))
}
