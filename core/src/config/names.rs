// SPDX-License-Identifier: MIT OR Apache-2.0
//! The values of `sslcert` and `sslkey` in a configuration file.

use crate::uri::is_uri;
use std::path::{Path, PathBuf};

/// A value that is not one file and not a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFlaw {
    /// Several names.
    List,
    /// `certpick:`.
    Nested,
    /// A URI that is also the name of a file.
    UriOrFile,
}

/// Returns the value of `sslcert`: a URI as it is, or a name relative to `directory`.
pub fn certificate(directory: &Path, name: &str) -> Result<PathBuf, NameFlaw> {
    if name.starts_with("certpick:") {
        return Err(NameFlaw::Nested);
    }
    let path = key_file(directory, name)?;
    // A comma can be part of a name, as in libpq's sslcert.
    if name.contains(',') && !is_uri(name.as_bytes()) && !path.exists() {
        return Err(NameFlaw::List);
    }
    Ok(path)
}

/// Returns the value of `sslkey`: a URI as it is, or a name relative to `directory`.
pub fn key_file(directory: &Path, name: &str) -> Result<PathBuf, NameFlaw> {
    let path = directory.join(name);
    match is_uri(name.as_bytes()) {
        false => Ok(path),
        true if path.symlink_metadata().is_ok() => Err(NameFlaw::UriOrFile),
        true => Ok(PathBuf::from(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_stay_and_names_are_relative_to_the_directory() {
        let directory = Path::new("/no/such");
        for value in [certificate, key_file] {
            assert_eq!(value(directory, "a.pem"), Ok("/no/such/a.pem".into()));
            assert_eq!(value(directory, "../a.pem"), Ok("/no/such/../a.pem".into()));
            assert_eq!(value(directory, "/a.pem"), Ok("/a.pem".into()));
            assert_eq!(value(directory, "pkcs11:id=a,b"), Ok("pkcs11:id=a,b".into()));
            assert_eq!(value(directory, "pkcs11:a.pem"), Ok("/no/such/pkcs11:a.pem".into()));
        }
    }

    #[test]
    fn a_name_with_a_comma_is_that_of_a_file_that_exists() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a,b.pem");
        assert_eq!(certificate(directory.path(), "a,b.pem"), Err(NameFlaw::List));
        std::fs::write(&file, "").unwrap();
        assert_eq!(certificate(directory.path(), "a,b.pem"), Ok(file));
        assert!(key_file(directory.path(), "c,d.pem").is_ok());
    }

    #[test]
    fn a_uri_that_is_also_a_file_is_not_guessed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("handle:a");
        std::os::unix::fs::symlink("not-there", &file).unwrap();
        for value in [certificate, key_file] {
            assert_eq!(value(directory.path(), "handle:a"), Err(NameFlaw::UriOrFile));
            assert_eq!(
                value(directory.path(), "./handle:a"),
                Ok(directory.path().join("./handle:a"))
            );
        }
    }

    #[test]
    fn sslcert_names_no_other_configuration_file() {
        let directory = Path::new("/no/such");
        for name in ["certpick:", "certpick:a.toml"] {
            assert_eq!(certificate(directory, name), Err(NameFlaw::Nested));
            assert!(certificate(directory, &format!("./{name}")).is_ok());
        }
    }
}
