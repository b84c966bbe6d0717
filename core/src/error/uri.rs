// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reasons for which a URI, or the object behind it, cannot be used.

use super::Status;
use std::fmt;

/// A mistake in a URI. The text shows no value of the URI, because it may be a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UriFlaw {
    /// The URI has more bytes than this maximum.
    TooLong(usize),
    /// The URI has another scheme.
    Scheme,
    /// A character must be percent-encoded, or a percent sign is not followed by two hexadecimal digits.
    Character,
    /// An attribute has no `=`, or is not one of RFC 7512.
    Attribute,
    /// The URI has an attribute twice.
    Duplicate,
    /// The value of `type` is not one of RFC 7512.
    Type,
    /// The URI has `pin-value`.
    PinValue,
    /// The URI has `module-path` or `module-name`.
    Module,
    /// The value of `pin-source` is not the absolute path of a file.
    PinSource,
    /// The value of `pin-source` is a command.
    PinCommand,
    /// The URI is not `handle:0x`, up to 8 hexadecimal digits, and possibly `?pass`.
    Handle,
    /// A PEM file that should contain a URI is damaged.
    Wrapper,
}

impl fmt::Display for UriFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UriFlaw::TooLong(max) => return write!(f, "the URI is longer than {max} bytes"),
            UriFlaw::Scheme => "it is not a pkcs11: or handle: URI",
            UriFlaw::Character => {
                "a character in the URI must be percent-encoded, as in %20 for a space"
            }
            UriFlaw::Attribute => "the URI has an attribute that is not one of RFC 7512",
            UriFlaw::Duplicate => "the URI has an attribute twice",
            UriFlaw::Type => "the type in the URI is not one of RFC 7512",
            UriFlaw::PinValue => {
                "pin-value in a URI is refused, because others could see it; use sslpassword or \
                 pin-source"
            }
            UriFlaw::Module => {
                "module-path and module-name in a URI are refused; name the module in openssl.cnf"
            }
            UriFlaw::PinSource => "pin-source in the URI must be the absolute path of a file",
            UriFlaw::PinCommand => "a command as pin-source in the URI is refused",
            UriFlaw::Handle => {
                "the URI must be handle:0x and up to 8 hexadecimal digits, and ?pass if the key has \
                 a password"
            }
            UriFlaw::Wrapper => "its PEM block of a PKCS#11 URI is damaged",
        })
    }
}

/// The reason for which the object behind a URI cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFlaw {
    /// OpenSSL is older than 3.0.
    OldOpenSsl,
    /// No active provider serves the scheme of the URI.
    NotServed,
    /// The provider could not open the URI.
    Open,
    /// The load was started by the module of the token itself.
    Nested,
    /// There is no certificate.
    NoCertificate,
    /// There is no private key, or none without a login, which nothing requested.
    NoKey,
    /// There are more objects than this maximum.
    TooMany(usize),
    /// The key needs a PIN, and none was given.
    PinMissing,
    /// The PIN has a NUL byte, or more bytes than the provider accepts.
    PinUnusable,
    /// The token refused the PIN, now or earlier.
    PinRefused,
    /// No key belongs to the certificate.
    Mismatch,
}

impl StoreFlaw {
    pub(super) fn status(self) -> Status {
        match self {
            StoreFlaw::NoCertificate => Status::Certificate,
            StoreFlaw::PinMissing => Status::PasswordMissing,
            StoreFlaw::PinUnusable | StoreFlaw::PinRefused => Status::PasswordWrong,
            StoreFlaw::Mismatch => Status::KeyMismatch,
            _ => Status::Key,
        }
    }
}

impl fmt::Display for StoreFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreFlaw::OldOpenSsl => "URIs need OpenSSL 3.0 or later",
            StoreFlaw::NotServed => {
                "no active provider serves the scheme of this URI; activate one in openssl.cnf"
            }
            StoreFlaw::Open => {
                "the provider could not open it; check its settings in openssl.cnf"
            }
            StoreFlaw::Nested => "the module of the token itself requires a client certificate",
            StoreFlaw::NoCertificate => {
                "no certificate found; check that the token is present, and the attributes of the URI"
            }
            StoreFlaw::NoKey => {
                "no private key found; check that the token is present, and the attributes of the URI"
            }
            StoreFlaw::TooMany(max) => {
                return write!(f, "more than {max} objects match; add attributes to the URI");
            }
            StoreFlaw::PinMissing => "it needs a PIN and none was given; set sslpassword, or pin-source in a pkcs11: URI",
            StoreFlaw::PinUnusable => "the PIN is longer than the provider accepts, or has a NUL byte",
            StoreFlaw::PinRefused => {
                "the token refused the PIN, which this process does not try again, because the token \
                 may lock; if there are several tokens, add token= to the URI"
            }
            StoreFlaw::Mismatch => "no private key found that belongs to the certificate",
        })
    }
}
