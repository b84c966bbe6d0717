// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS alerts (RFC 8446, section 6.2, and RFC 5246, section 7.2.2) in plain words.

use openssl::error::ErrorStack;

/// An alert that the other side sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert(u8);

/// Its name, and what it usually means to a client.
const KNOWN: &[(u8, &str, &str)] = &[
    (10, "unexpected_message", "the server did not expect this message: is it TLS at all?"),
    (20, "bad_record_mac", "what arrived is not what was sent: something between may change it"),
    (22, "record_overflow", "a record was too long: is it TLS at all?"),
    (
        40,
        "handshake_failure",
        "nothing that both sides accept was found, or, up to TLS 1.2, the server wants a certificate and was sent none",
    ),
    (42, "bad_certificate", "the certificate was damaged, or a signature in its chain is wrong"),
    (
        43,
        "unsupported_certificate",
        "the server does not take this kind of certificate: its key, its signature, or its extended key usage is not for clients",
    ),
    (44, "certificate_revoked", "a revocation list of the server has this certificate, or its CA"),
    (
        45,
        "certificate_expired",
        "the certificate, or one of its chain, has expired or is not valid yet by the server's clock",
    ),
    (
        46,
        "certificate_unknown",
        "the server does not take the certificate, and does not say why: its log may",
    ),
    (47, "illegal_parameter", "something in the handshake contradicts itself"),
    (
        48,
        "unknown_ca",
        "the server found no way from the certificate to a CA that it trusts: it is another CA's, or an intermediate is missing, here or in the server's ssl_ca_file",
    ),
    (49, "access_denied", "the certificate is valid, and the server lets its owner in nowhere"),
    (50, "decode_error", "the server could not read a message"),
    (
        51,
        "decrypt_error",
        "a signature could not be verified: the key may not be the certificate's",
    ),
    (
        70,
        "protocol_version",
        "the server speaks other versions of TLS only: probably older than 1.2",
    ),
    (71, "insufficient_security", "the server demands stronger algorithms"),
    (80, "internal_error", "the server failed: its log says more"),
    (86, "inappropriate_fallback", "something between keeps newer versions of TLS away"),
    (90, "user_canceled", "the handshake was called off"),
    (109, "missing_extension", "the server misses an extension in the handshake"),
    (
        112,
        "unrecognized_name",
        "the server does not know the name that it was asked for: see --sni",
    ),
    (113, "bad_certificate_status_response", "an OCSP response was wrong"),
    (115, "unknown_psk_identity", "the server wants a pre-shared key"),
    (116, "certificate_required", "the server demands a client certificate and was sent none"),
    (
        120,
        "no_application_protocol",
        "the server has no protocol in common by ALPN: it is not PostgreSQL, or --direct or --tls is the wrong one",
    ),
];

impl Alert {
    /// The alert that an error of OpenSSL's stands for: its reason is 1000 more.
    pub fn of(errors: &ErrorStack) -> Option<Alert> {
        const LIB_SSL: i32 = 20;
        const FIRST: i32 = 1000;
        let number = |e: &openssl::error::Error| {
            (e.library_code() == LIB_SSL).then(|| u8::try_from(e.reason_code() - FIRST).ok())?
        };
        errors.errors().iter().find_map(number).map(Alert)
    }

    /// As the RFCs call it.
    pub fn name(self) -> String {
        let known = KNOWN.iter().find(|(number, ..)| *number == self.0);
        known.map_or_else(|| format!("number {}", self.0), |(_, name, _)| (*name).to_owned())
    }

    /// What it usually means.
    pub fn meaning(self) -> Option<&'static str> {
        KNOWN.iter().find(|(number, ..)| *number == self.0).map(|(_, _, meaning)| *meaning)
    }

    /// Whether it is about the client's certificate, or the lack of one.
    pub fn is_about_certificate(self) -> bool {
        matches!(self.0, 40..=46 | 48 | 49 | 51 | 116)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_alert_is_known_once_and_in_order() {
        assert!(KNOWN.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(Alert(48).name(), "unknown_ca");
        assert_eq!(Alert(200).name(), "number 200");
        assert_eq!(Alert(200).meaning(), None);
    }
}
