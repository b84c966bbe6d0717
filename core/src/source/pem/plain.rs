// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fast parser for PEM in the form that programs write (the strict form of RFC 7468, with lines of up to
//! 76 characters). OpenSSL reads files in any other form.

use crate::file::bytes::{Lines, find_byte, find_slice};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
const CERTIFICATE: &[u8] = b"CERTIFICATE";
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY";

/// RFC 7468 has lines of 64 characters, and MIME of 76.
const MAX_LINE: usize = 76;

/// The initial capacity in bytes, which suffices for most certificates.
const USUAL_LENGTH: usize = 1536;

/// Returns the DER of each certificate, in the order of the file. Skips private keys and text between them.
/// Returns `None` for other forms, and for more than `max` certificates.
pub fn certificates(bytes: &[u8], max: usize) -> Option<Vec<Vec<u8>>> {
    if find_byte(0, bytes).is_some() {
        return None;
    }
    let mut found = Vec::new();
    let mut lines = Lines(Some(bytes));
    while let Some(line) = lines.next() {
        let Some(label) = label(line, BEGIN) else {
            // OpenSSL may accept this as the start of a block.
            if find_slice(DASHES, line).is_some() {
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
            if is_last || line.is_empty() || line.len() > MAX_LINE {
                return None;
            }
            is_last = if is_certificate { decode_line(line, &mut der)? } else { check_line(line)? };
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

/// Returns the label of a line that begins with `start`: `CERTIFICATE` of `-----BEGIN CERTIFICATE-----`.
fn label<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(start)?.strip_suffix(DASHES)
}

/// Decodes a line of complete groups of four characters. Returns whether it ends with padding.
fn decode_line(line: &[u8], der: &mut Vec<u8>) -> Option<bool> {
    let start = der.len();
    let missing = padding(line)?;
    der.resize(start + line.len() / 4 * 3, 0);
    let mut all_bits = 0;
    let groups = line.chunks_exact(4).zip(der.get_mut(start..)?.chunks_exact_mut(3));
    for (group, bytes) in groups {
        let ([a, b, c, d], [x, y, z]) = (group, bytes) else { return None };
        let (a, b, c, d) = (value(*a), value(*b), value(*c), value(*d));
        all_bits |= a | b | c | d;
        (*x, *y, *z) = (a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d);
    }
    der.truncate(der.len() - missing);
    is_valid(line, missing, all_bits).then_some(missing > 0)
}

/// Like [`decode_line`], but only checks the line. For private keys.
fn check_line(line: &[u8]) -> Option<bool> {
    let missing = padding(line)?;
    let all_bits = line.iter().fold(0, |bits, character| bits | value(*character));
    is_valid(line, missing, all_bits).then_some(missing > 0)
}

/// Returns the number of padding characters at the end of a line, or `None` if the last group is not
/// complete.
fn padding(line: &[u8]) -> Option<usize> {
    match line {
        _ if line.len() % 4 != 0 => None,
        [.., b'=', b'='] => Some(2),
        [.., b'='] => Some(1),
        _ => Some(0),
    }
}

/// Returns whether the line contains only base64 characters before the padding. `all_bits` is the bitwise OR
/// of the values of all characters.
fn is_valid(line: &[u8], missing: usize, all_bits: u8) -> bool {
    let has_padding = all_bits & PAD != 0;
    all_bits & BAD == 0 && (!has_padding || find_byte(b'=', line) == Some(line.len() - missing))
}

/// The value of the padding character.
const PAD: u8 = 0x40;
/// The value of characters that are not allowed.
const BAD: u8 = 0x80;

fn value(character: u8) -> u8 {
    VALUES.get(usize::from(character)).copied().unwrap_or(BAD)
}

static VALUES: [u8; 256] = values();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler
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

    fn armour(label: &str, der: &[u8]) -> String {
        let text = openssl::base64::encode_block(der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    #[test]
    fn certificates_of_every_length_are_decoded() {
        for length in 1..200 {
            let der: Vec<u8> = (0..length).map(|i| (i * 37 + length) as u8).collect();
            let text = armour("CERTIFICATE", &der);
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
            &armour("CERTIFICATE", b"first"),
            "subject=CN = second\n",
            &armour("EC PRIVATE KEY", b"secret"),
            &armour("CERTIFICATE", b"second"),
            &armour("ENCRYPTED PRIVATE KEY", b"secret"),
        ]
        .concat();
        let expected = vec![b"first".to_vec(), b"second".to_vec()];
        assert_eq!(certificates(text.as_bytes(), 2), Some(expected));
        assert_eq!(certificates(text.as_bytes(), 1), None);
    }

    #[test]
    fn any_other_form_is_left_to_openssl() {
        let good = armour("CERTIFICATE", &[7; 100]);
        assert!(certificates(good.as_bytes(), 2).is_some());
        for odd in [
            String::new(),
            "no certificate\n".to_owned(),
            armour("PRIVATE KEY", b"secret"),
            armour("TRUSTED CERTIFICATE", b"der"),
            armour("X509 CERTIFICATE", b"der"),
            armour("CERTIFICATE REQUEST", b"der"),
            format!("{good}{}", armour("EC PARAMETERS", b"der")),
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
            armour("CERTIFICATE", &[7; 100]).replacen("\nBw", "Bw", 1),
        ] {
            assert_ne!(odd, good);
            assert_eq!(certificates(odd.as_bytes(), 2), None, "{odd}");
        }
    }
}
