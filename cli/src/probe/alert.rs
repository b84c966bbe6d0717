// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS alerts (RFC 8446, section 6.2, and RFC 5246, section 7.2.2) and their usual causes.

use crate::report::{Finding, Level};
use openssl::error::ErrorStack;

/// An alert from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert(u8);

/// Number, name and usual cause.
const KNOWN: &[(u8, &str, &str)] = &[
    (10, "unexpected_message", "The server did not expect this message. Check that it speaks TLS."),
    (20, "bad_record_mac", "A record was modified in transit."),
    (22, "record_overflow", "A record was too long. Check that the server speaks TLS."),
    (
        40,
        "handshake_failure",
        "Client and server have no parameters in common or, up to TLS 1.2, the server requires a client certificate.",
    ),
    (
        42,
        "bad_certificate",
        "The certificate is malformed, or a signature in its chain is invalid.",
    ),
    (
        43,
        "unsupported_certificate",
        "The server does not accept the key type, the signature or the extended key usage of the certificate.",
    ),
    (44, "certificate_revoked", "A CRL of the server contains the certificate or its CA."),
    (
        45,
        "certificate_expired",
        "A certificate of the chain is expired or not yet valid, according to the server's clock.",
    ),
    (
        46,
        "certificate_unknown",
        "The server rejects the certificate for another reason. Check the server's log.",
    ),
    (47, "illegal_parameter", "A handshake message contains an inconsistent value."),
    (
        48,
        "unknown_ca",
        "The server found no chain to a CA that it trusts: the certificate is from another CA, or an intermediate is missing here or in the server's ssl_ca_file.",
    ),
    (49, "access_denied", "The certificate is valid, but the server denies access."),
    (50, "decode_error", "The server could not parse a message."),
    (51, "decrypt_error", "A signature is invalid. Check that key and certificate match."),
    (
        70,
        "protocol_version",
        "The server supports only other versions of TLS, probably older than 1.2.",
    ),
    (71, "insufficient_security", "The server requires stronger algorithms."),
    (80, "internal_error", "The server failed. Check the server's log."),
    (86, "inappropriate_fallback", "A device on the network path blocks newer versions of TLS."),
    (90, "user_canceled", "The server canceled the handshake."),
    (109, "missing_extension", "The server requires an extension that was not sent."),
    (
        112,
        "unrecognized_name",
        "The server does not know the name of the Server Name Indication. Set another one with --sni.",
    ),
    (113, "bad_certificate_status_response", "An OCSP response is invalid."),
    (115, "unknown_psk_identity", "The server requires a pre-shared key."),
    (116, "certificate_required", "The server requires a client certificate, and none was sent."),
    (
        120,
        "no_application_protocol",
        "Client and server have no ALPN protocol in common: the server is not PostgreSQL, or --direct or --tls is wrong.",
    ),
];

impl Alert {
    /// Returns the alert of an OpenSSL error, whose reason code is 1000 plus the number.
    pub fn of(errors: &ErrorStack) -> Option<Alert> {
        const LIB_SSL: i32 = 20;
        const FIRST: i32 = 1000;
        let number = |e: &openssl::error::Error| {
            (e.library_code() == LIB_SSL).then(|| u8::try_from(e.reason_code() - FIRST).ok())?
        };
        errors.errors().iter().find_map(number).map(Alert)
    }

    /// Returns the name in the RFCs.
    pub fn name(self) -> String {
        let known = KNOWN.iter().find(|(number, ..)| *number == self.0);
        known.map_or_else(|| format!("number {}", self.0), |(_, name, _)| (*name).to_owned())
    }

    /// Returns the usual cause.
    pub fn cause(self) -> Option<&'static str> {
        KNOWN.iter().find(|(number, ..)| *number == self.0).map(|(_, _, cause)| *cause)
    }

    /// Returns whether the cause is the client's certificate, or that none was sent.
    pub fn is_about_certificate(self) -> bool {
        matches!(self.0, 40..=46 | 48 | 49 | 51 | 116)
    }

    /// Returns the finding about this alert: its name after `text`, and its cause as advice.
    pub fn finding(self, key: &'static str, level: Level, text: &str) -> Finding {
        let finding = Finding::new(key, level, format!("{text}: alert {}", self.name()));
        match self.cause() {
            Some(cause) => finding.advice(cause),
            None => finding,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_unique_and_sorted() {
        assert!(KNOWN.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(Alert(48).name(), "unknown_ca");
        assert_eq!(Alert(200).name(), "number 200");
        assert_eq!(Alert(200).cause(), None);
    }
}
