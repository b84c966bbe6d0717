// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values of libpq's parameters that libpq cannot use itself.

use super::{Accepts, pem, permitted, pkcs12};
use crate::file::regular::{self, ReadError};
use crate::list;
use crate::uri::is_uri;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The number of bytes that show whether a file may be a PKCS#12 file.
const HEAD: usize = 16;

/// The maximum size of a key file that is read here. A URI is shorter.
const MAX_KEY_BYTES: u64 = 1 << 20;

/// Returns whether libpq has to pass these values to certpick. Only regular files are opened, so that nothing is
/// taken out of a pipe, and none if [`permitted`] accepts PEM files alone.
pub fn is_handled(sslcert: &[u8], sslkey: &[u8]) -> bool {
    if is_uri(sslkey) || list::is_list(sslcert) {
        return true;
    }
    let entry = list::only_entry(sslcert);
    let name = entry.as_os_str().as_bytes();
    if name.starts_with(list::CONFIG_PREFIX) || is_uri(name) {
        return true;
    }
    permitted() == Accepts::Any
        && (entry.is_dir() || is_pkcs12_file(&entry) || is_wrapper_file(sslkey))
}

fn is_pkcs12_file(path: &Path) -> bool {
    let read = || {
        let (file, metadata) = regular::open(path)?;
        let mut head = [0; HEAD];
        let length = file.read_at(&mut head, 0).map_err(ReadError::Io)?;
        // The rest of a PEM file is left to libpq.
        if !head.get(..length).is_some_and(pkcs12::is_pkcs12) {
            return Ok(false);
        }
        let (content, _) = regular::read_all(&file, &metadata, pem::MAX_BYTES)?;
        Ok::<_, ReadError>(pkcs12::is_pkcs12(&content))
    };
    read().unwrap_or(false)
}

/// Returns whether `sslkey` names a PEM file with the URI of a key. libpq would load it through a provider, which
/// prompts for the PIN on the terminal.
fn is_wrapper_file(sslkey: &[u8]) -> bool {
    // With a colon, it names an engine.
    if sslkey.is_empty() || sslkey.contains(&b':') {
        return false;
    }
    let read = || {
        let (file, metadata) = regular::open(Path::new(OsStr::from_bytes(sslkey)))?;
        let (content, _) = regular::read_all(&file, &metadata, MAX_KEY_BYTES)?;
        Ok::<_, ReadError>(pem::has_wrapped_uri(&content))
    };
    read().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a PFX.
    const PFX: &[u8] = b"\x30\x82\x01\x00\x02\x01\x03\x30\x00";

    #[test]
    fn values_are_handled_by_their_syntax_and_files_by_their_content() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let pem = file("a,b.crt", b"-----BEGIN CERTIFICATE-----\n");
        let pfx = file("a.crt", PFX);
        let pem_after = [PFX, b"\n-----BEGIN CERTIFICATE-----\n"].concat();
        let pem_in_pfx = file("b.p12", &pem_after);
        let wrapper = file("uri.key", b"x\n-----BEGIN PKCS#11 PROVIDER URI-----\n");
        let colon = file("a:uri.key", b"-----BEGIN PKCS#11 PROVIDER URI-----\n");
        let directory = dir.path().to_str().unwrap();
        let quoted = format!(" \"{directory}\" ");
        for (sslcert, sslkey, expected) in [
            ("", "", false),
            ("", "a.key", false),
            ("a", "a,b", false),
            ("certpick", "", false),
            ("./certpick:a", "", false),
            ("a,b", "", true),
            ("certpick:", "", true),
            (" certpick:a", "", true),
            ("\"certpick:a,b\"", "", true),
            ("\"certpick:a\"b", "", false),
            ("a,certpick:b", "", true),
            ("pkcs11:object=a", "", true),
            (" handle:0x81000000", "", true),
            ("./pkcs11:object=a", "", false),
            ("", "pkcs11:object=a", true),
            ("a", "pkcs11:", true),
            ("a", "handle:0x81000000", true),
            ("a", " pkcs11:object=a", false),
            ("a", "pkcs11:label_a", false),
            ("a", "pkcs11:pkcs11:object=a", false),
            ("a", "engine:key", false),
            (&pem, "", false),
            (&pfx, "", true),
            (&pem_in_pfx, "", false),
            (directory, "", true),
            (&quoted, "", true),
            ("", directory, false),
            ("", &pfx, false),
            ("", &wrapper, true),
            (&pem, &wrapper, true),
            (&pem, &colon, false),
            (&pem, &pem, false),
            ("/dev/null", "/dev/null", false),
        ] {
            let handled = is_handled(sslcert.as_bytes(), sslkey.as_bytes());
            assert_eq!(handled, expected, "{sslcert:?} {sslkey:?}");
        }
    }
}
