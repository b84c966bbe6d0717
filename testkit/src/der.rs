// SPDX-License-Identifier: MIT OR Apache-2.0
//! DER and PEM of a given form, also of forms that OpenSSL does not write.

/// Tags of string types.
pub const UTF8: u8 = 0x0c;
pub const PRINTABLE: u8 = 0x13;
pub const T61: u8 = 0x14;
pub const BMP: u8 = 0x1e;

/// Object identifiers of commonName and organizationName.
pub const CN: &[u8] = &[0x55, 4, 3];
pub const O: &[u8] = &[0x55, 4, 10];

/// Encodes an element of at most 65,535 bytes.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length: &[u8] = match (high, low) {
        (0, 0..0x80) => &[low],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [&[tag], length, content].concat()
}

/// Encodes an AttributeTypeAndValue (RFC 5280, section 4.1.2.4).
pub fn attribute(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    element(0x30, &[element(6, oid), element(tag, value)].concat())
}

/// Encodes a name from sets of attributes.
pub fn name(sets: &[&[Vec<u8>]]) -> Vec<u8> {
    let sets: Vec<u8> = sets.iter().flat_map(|set| element(0x31, &set.concat())).collect();
    element(0x30, &sets)
}

/// Encodes a name that has only a common name.
pub fn common_name(tag: u8, value: &[u8]) -> Vec<u8> {
    name(&[&[attribute(CN, tag, value)]])
}

/// Encodes a PEM block.
pub fn pem(label: &str, der: &[u8]) -> String {
    let base64 = openssl::base64::encode_block(der);
    let lines: String = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap().to_owned() + "\n")
        .collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}
