// SPDX-License-Identifier: MIT OR Apache-2.0
//! PEM as programs write it, taken apart at a fraction of what OpenSSL needs. Whatever looks
//! different in any way is left to OpenSSL, whose word counts.

use crate::file::bytes::{Lines, find, find_text};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
const CERTIFICATE: &[u8] = b"CERTIFICATE";
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY";

/// RFC 1421 has lines of 64 characters, MIME of 76.
const LONGEST_LINE: usize = 76;

/// Most certificates have fewer bytes.
const USUAL_LENGTH: usize = 1536;

/// The DER of each certificate of a file, in their order; private keys and text between them are
/// passed over. `None` for all but the plainest form, and for more than `max`.
pub fn certificates(bytes: &[u8], max: usize) -> Option<Vec<Vec<u8>>> {
    if find(0, bytes).is_some() {
        return None;
    }
    let mut found = Vec::new();
    let mut lines = Lines(Some(bytes));
    while let Some(line) = lines.next() {
        let Some(label) = label(line, BEGIN) else {
            // OpenSSL looks for a beginning in places where this does not.
            if find_text(DASHES, line).is_some() {
                return None;
            }
            continue;
        };
        let is_certificate = label == CERTIFICATE;
        if !is_certificate && !label.ends_with(PRIVATE_KEY) {
            return None;
        }
        let mut der = Vec::with_capacity(if is_certificate { USUAL_LENGTH } else { 0 });
        let mut is_last = false;
        loop {
            let line = lines.next()?;
            if let Some(end) = self::label(line, END) {
                if end != label {
                    return None;
                }
                break;
            }
            if is_last || line.is_empty() || line.len() > LONGEST_LINE {
                return None;
            }
            is_last = if is_certificate { decode(line, &mut der)? } else { check(line)? };
        }
        if is_certificate {
            if found.len() == max {
                return None;
            }
            found.push(der);
        }
    }
    (!found.is_empty()).then_some(found)
}

/// `CERTIFICATE` of `-----BEGIN CERTIFICATE-----`.
fn label<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(start)?.strip_suffix(DASHES)
}

/// Decodes one line of whole groups; gives whether it ended with padding.
fn decode(line: &[u8], der: &mut Vec<u8>) -> Option<bool> {
    let start = der.len();
    let missing = padding(line)?;
    der.resize(start + line.len() / 4 * 3, 0);
    let mut seen = 0;
    let groups = line.chunks_exact(4).zip(der.get_mut(start..)?.chunks_exact_mut(3));
    for (group, bytes) in groups {
        let ([a, b, c, d], [x, y, z]) = (group, bytes) else { return None };
        let (a, b, c, d) = (value(*a), value(*b), value(*c), value(*d));
        seen |= a | b | c | d;
        (*x, *y, *z) = (a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d);
    }
    // The padding itself is at the end, and stands for nothing.
    der.truncate(der.len() - missing);
    is_sound(line, missing, seen).then_some(missing > 0)
}

/// The same of a line that is not decoded, as of a private key.
fn check(line: &[u8]) -> Option<bool> {
    let missing = padding(line)?;
    let seen = line.iter().fold(0, |seen, character| seen | value(*character));
    is_sound(line, missing, seen).then_some(missing > 0)
}

/// How many characters of padding a line of whole groups ends with.
fn padding(line: &[u8]) -> Option<usize> {
    match line {
        _ if line.len() % 4 != 0 => None,
        [.., b'=', b'='] => Some(2),
        [.., b'='] => Some(1),
        _ => Some(0),
    }
}

/// Whether all characters but the padding are of the alphabet; `seen` has the bits of all values.
fn is_sound(line: &[u8], missing: usize, seen: u8) -> bool {
    seen & BAD == 0 && (seen & PAD == 0 || find(b'=', line) == Some(line.len() - missing))
}

const PAD: u8 = 0x40;
const BAD: u8 = 0x80;

fn value(character: u8) -> u8 {
    VALUES.get(usize::from(character)).copied().unwrap_or(BAD)
}

static VALUES: [u8; 256] = values();

#[allow(clippy::indexing_slicing)] // the compiler's evaluation would stop
const fn values() -> [u8; 256] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [BAD; 256];
    let mut i = 0;
    while i < ALPHABET.len() {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    values[b'=' as usize] = PAD;
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::der::pem;

    #[test]
    fn certificates_of_every_length_are_decoded() {
        for length in 1..200 {
            let der: Vec<u8> = (0..length).map(|i| (i * 37 + length) as u8).collect();
            let text = pem("CERTIFICATE", &der);
            assert_eq!(certificates(text.as_bytes(), 2), Some(vec![der.clone()]));
            let dos = text.replace('\n', "\r\n");
            assert_eq!(certificates(dos.as_bytes(), 2), Some(vec![der.clone()]));
            let open = text.trim_end();
            assert_eq!(certificates(open.as_bytes(), 2), Some(vec![der]));
        }
    }

    #[test]
    fn keys_and_text_are_skipped() {
        let text = [
            "Certificate:\n    Data: x\n",
            &pem("CERTIFICATE", b"first"),
            "subject=CN = second\n",
            &pem("EC PRIVATE KEY", b"secret"),
            &pem("CERTIFICATE", b"second"),
            &pem("ENCRYPTED PRIVATE KEY", b"secret"),
        ]
        .concat();
        let expected = vec![b"first".to_vec(), b"second".to_vec()];
        assert_eq!(certificates(text.as_bytes(), 2), Some(expected));
        assert_eq!(certificates(text.as_bytes(), 1), None);
    }

    #[test]
    fn unusual_files_are_left_to_openssl() {
        let good = pem("CERTIFICATE", &[7; 100]);
        assert!(certificates(good.as_bytes(), 2).is_some());
        for odd in [
            String::new(),
            "no certificate\n".to_owned(),
            pem("PRIVATE KEY", b"secret"),
            pem("TRUSTED CERTIFICATE", b"der"),
            pem("X509 CERTIFICATE", b"der"),
            pem("CERTIFICATE REQUEST", b"der"),
            format!("{good}{}", pem("EC PARAMETERS", b"der")),
            format!(" {good}"),
            format!("{good}-----BEGIN CERTIFICATE-----\n"),
            format!("{good} -----BEGIN CERTIFICATE-----\n"),
            format!("text -----END CERTIFICATE-----\n{good}"),
            format!("{good}\0"),
            good.replace("-----END CERTIFICATE-----", "-----END PRIVATE KEY-----"),
            good.replace("-----END CERTIFICATE-----\n", ""),
            good.replace("BwcH", "Bw H"),
            good.replace("BwcH", "Bw=H"),
            good.replace("BwcH", "BwcHB"),
            good.replace("==\n", "==\nBwcH\n"),
            good.replace("==\n", "=\n"),
            good.replace("==\n", "==BwcH\n"),
            good.replace("-----\nBw", "-----\n\nBw"),
            good.replace("-----\nBw", "-----\nProc-Type: 4,ENCRYPTED\n\nBw"),
            pem("CERTIFICATE", &[7; 100]).replacen("\nBw", "Bw", 1),
        ] {
            assert_ne!(odd, good);
            assert_eq!(certificates(odd.as_bytes(), 2), None, "{odd}");
        }
    }
}
