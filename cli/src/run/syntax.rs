// SPDX-License-Identifier: MIT OR Apache-2.0
//! The syntax of values and section names in openssl.cnf (config(5)).

/// Quotes a value so that OpenSSL reads exactly these bytes.
pub fn value(bytes: &[u8]) -> Vec<u8> {
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-./,:@%+=~ ".contains(b) || *b > 0x7f;
    let is_blank = |b: Option<&u8>| b.is_none_or(|b| *b == b' ');
    if bytes.iter().all(is_plain) && !is_blank(bytes.first()) && !is_blank(bytes.last()) {
        return bytes.to_vec();
    }
    // Inside quotes, only the backslash and the quote are special. Line ends must be escaped outside
    // of quotes. Leading and trailing white space must be inside.
    let mut quoted = vec![b'"'];
    for byte in bytes {
        match byte {
            b'\n' => quoted.extend_from_slice(b"\"\\n\""),
            b'\r' => quoted.extend_from_slice(b"\"\\r\""),
            b'"' | b'\\' => quoted.extend_from_slice(&[b'\\', *byte]),
            _ => quoted.push(*byte),
        }
    }
    quoted.push(b'"');
    quoted
}

/// Returns the line that opens a section.
pub fn header(section: &[u8]) -> Vec<u8> {
    let mut line = vec![b'['];
    for byte in section {
        match byte {
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            _ if byte.is_ascii_alphanumeric() || *byte == b'_' => line.push(*byte),
            _ => line.extend_from_slice(&[b'\\', *byte]),
        }
    }
    line.push(b']');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::conf;

    /// Parses the written value with OpenSSL.
    fn read_back(section: &[u8], text: &[u8]) -> Option<Vec<u8>> {
        let file = [&header(section)[..], b"\nname = ", &value(text), b"\nafter = x\n"].concat();
        let conf = conf::parse(&file).unwrap();
        assert_eq!(conf.value(section, b"after").as_deref(), Some(&b"x"[..]));
        conf.value(section, b"name")
    }

    #[test]
    fn openssl_reads_the_original_value() {
        let long = [b"/a b\\\"$#".repeat(400), b"\\".to_vec()].concat();
        let all_bytes: Vec<u8> = (1..=255).collect();
        for text in [
            &b"/etc/a.crt,/etc/b.crt"[..],
            b"",
            b" ",
            b" a ",
            b"\ta\t",
            b"a#b;c",
            b"$HOME ${HOME} $(HOME) $ENV::HOME",
            b"a\"b'c`d",
            b"\"a,b\",c",
            b"'",
            b"back\\slash",
            b"end\\",
            b"end\\\\",
            b"\\n",
            b"two\nlines",
            b"two\r\nlines\r\n",
            b"\n",
            b"\xff\xfe\xe9",
            b"[section]",
            b"=",
            b".include = /x",
            &all_bytes,
            &long,
        ] {
            let shown = String::from_utf8_lossy(text);
            assert_eq!(read_back(b"s", text).as_deref(), Some(text), "{shown}");
        }
        // Every length around that of OpenSSL's buffer, with escaped bytes at the end.
        for length in 480..1100 {
            let text = [vec![b'x'; length], b"\\ \" \r".to_vec()].concat();
            assert_eq!(read_back(b"s", &text), Some(text));
        }
    }

    #[test]
    fn openssl_reads_the_original_section_name() {
        for section in [
            &b"provider_sect"[..],
            b"a b",
            b"a.b,c;d/e",
            b"a#b",
            b"a]b[c",
            b"a\"b'c\\d$e",
            b" a ",
            b"two\nlines",
            b"\xc3\xa9",
        ] {
            let shown = String::from_utf8_lossy(section);
            assert_eq!(read_back(section, b"v").as_deref(), Some(&b"v"[..]), "{shown}");
        }
    }
}
