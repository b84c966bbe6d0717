// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reasons against a credential.

use super::{Flawed, Policy};

/// A set of reasons against one credential. The bits are part of the ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reasons(pub u32);

impl Reasons {
    /// No certificate of its chain was issued by a CA that the server named.
    pub const ISSUER: Reasons = Reasons(0x1);
    /// Its key fits none of the signature algorithms.
    pub const SIGNATURE_ALGORITHM: Reasons = Reasons(0x2);
    /// Its key fits none of the certificate types (up to TLS 1.2).
    pub const CERTIFICATE_TYPE: Reasons = Reasons(0x4);
    /// OpenSSL's security level refuses it.
    pub const SECURITY_LEVEL: Reasons = Reasons(0x8);
    /// The server named no CA, and the policy then sends nothing, or not this one.
    pub const POLICY: Reasons = Reasons(0x10);
    /// It, or a certificate that it depends on, has expired.
    pub const EXPIRED: Reasons = Reasons(0x100);
    /// It, or a certificate that it depends on, is not valid yet.
    pub const NOT_YET_VALID: Reasons = Reasons(0x200);
    /// Its key usage lacks digitalSignature.
    pub const KEY_USAGE: Reasons = Reasons(0x400);
    /// Its extended key usage lacks clientAuth.
    pub const EXTENDED_KEY_USAGE: Reasons = Reasons(0x800);
    /// It was chosen, but its key could not be used: the handshake was aborted.
    pub const KEY: Reasons = Reasons(0x1_0000);

    const SOFT: u32 = 0xf00;

    /// Returns whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Returns whether all of `other` are among them.
    pub fn contains(self, other: Reasons) -> bool {
        self.0 & other.0 == other.0
    }
    /// Adds `other`.
    pub fn add(&mut self, other: Reasons) {
        self.0 |= other.0;
    }
    /// Returns whether some of them exclude the credential under this policy.
    pub fn exclude(self, policy: &Policy) -> bool {
        let hard = match policy.flawed {
            Flawed::Demote => !Reasons::SOFT,
            Flawed::Exclude => !0,
        };
        self.0 & hard != 0
    }
    /// Returns whether there are soft reasons among them.
    pub fn is_flawed(self) -> bool {
        self.0 & Reasons::SOFT != 0
    }
}
