// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values of libpq's parameters that libpq cannot use itself.

use super::{Accepts, bundle, pem, permitted, pkcs12, store};
use crate::file::bytes::FileContent;
use crate::list;
use crate::uri::is_uri;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Returns whether libpq has to pass these values to certpick. Only regular files are opened, so that nothing
/// is taken out of a pipe, and none if [`permitted`] accepts PEM files alone.
pub fn is_handled(sslcert: &[u8], sslkey: &[u8]) -> bool {
    if is_uri(sslkey) || list::is_list(sslcert) {
        return true;
    }
    let entry = list::only_entry(sslcert);
    let name = entry.as_os_str().as_bytes();
    if name.starts_with(list::CONFIG_PREFIX) || is_uri(name) {
        return true;
    }
    let has_uri = |content: &FileContent| store::wrapped_uri(content).is_some();
    permitted() == Accepts::Any
        && (entry.is_dir()
            || content(&entry).is_some_and(|content| {
                pkcs12::is_pkcs12(&content) || has_uri(&content) && !pem::has_certificate(&content)
            })
            // libpq would load the key through a provider, which prompts for the PIN on the terminal. With a
            // colon, sslkey names an engine.
            || !sslkey.contains(&b':')
                && content(Path::new(OsStr::from_bytes(sslkey))).is_some_and(|key| has_uri(&key)))
}

/// Returns the content of a regular file.
fn content(path: &Path) -> Option<FileContent> {
    bundle::read_file(None, path).ok().map(|content| content.bytes)
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
        let both =
            file("both", b"-----BEGIN PKCS#11 PROVIDER URI-----\n-----BEGIN CERTIFICATE-----\n");
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
            (&wrapper, "", true),
            (&both, "", false),
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
