// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of reasons against a credential.
//!
//! The table defines name, bit, effect and text of a reason. tests/reasons.rs compares the header,
//! certpick(3) and doc/ with it.

use super::{Flawed, Policy};

/// A set of reasons against one credential. The bits are part of the ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reasons(pub u32);

/// The effect of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Hard: the credential is never sent.
    Excludes,
    /// Soft: the credential ranks behind every credential without soft reasons, or is excluded if
    /// the policy says so ([`Flawed`]).
    Demotes,
    /// The credential was chosen, but it or its key failed, so the handshake was aborted.
    Aborts,
}

/// One reason.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    /// Its name in C, without `CERTPICK_REASON_`.
    pub name: &'static str,
    /// Its bit.
    pub bit: Reasons,
    /// Its effect.
    pub effect: Effect,
    /// A clause whose subject, "it", is the credential.
    pub text: &'static str,
}

macro_rules! reasons {
    ($($name:ident = $bit:literal $effect:ident $text:literal)*) => {
        impl Reasons {
            $(
                #[doc = $text]
                pub const $name: Reasons = Reasons($bit);
            )*
        }

        impl Reason {
            /// All reasons, in the order of their bits.
            pub const ALL: &[Reason] = &[$(Reason {
                name: stringify!($name),
                bit: Reasons::$name,
                effect: Effect::$effect,
                text: $text,
            }),*];
        }
    };
}

reasons! {
    ISSUER = 0x1 Excludes "no certificate in its chain was issued by a CA that the server named"
    SIGNATURE_ALGORITHM = 0x2 Excludes
        "its key fits none of the signature algorithms that both sides accept"
    CERTIFICATE_TYPE = 0x4 Excludes
        "its key has none of the certificate types that the server accepts"
    SECURITY_LEVEL = 0x8 Excludes "OpenSSL's security level refuses it"
    POLICY = 0x10 Excludes "the server named no CA, and the policy for this case excludes it"
    HOST = 0x20 Excludes "its rule does not match the host that the program connects to"
    USER = 0x40 Excludes "its rule does not match the user that the program connects as"
    UNVERIFIED = 0x80 Excludes "its rule requires a verified server, and this server is not verified"
    EXPIRED = 0x100 Demotes "it has expired"
    NOT_YET_VALID = 0x200 Demotes "it is not yet valid"
    KEY_USAGE = 0x400 Demotes "its key usage lacks digitalSignature"
    EXTENDED_KEY_USAGE = 0x800 Demotes "its extended key usage lacks clientAuth"
    KEY = 0x1_0000 Aborts "it was chosen, but it or its key could not be used"
}

impl Reasons {
    const SOFT: Reasons = {
        let mut soft = 0;
        let mut rest = Reason::ALL;
        while let [reason, tail @ ..] = rest {
            if matches!(reason.effect, Effect::Demotes) {
                soft |= reason.bit.0;
            }
            rest = tail;
        }
        Reasons(soft)
    };

    /// Returns whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether the set contains all of `other`.
    pub fn contains(self, other: Reasons) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    pub fn add(&mut self, other: Reasons) {
        self.0 |= other.0;
    }

    /// Returns whether a reason excludes the credential under this policy.
    pub fn exclude(self, policy: &Policy) -> bool {
        let hard = match policy.flawed {
            Flawed::Demote => !Reasons::SOFT.0,
            Flawed::Exclude => !0,
        };
        self.0 & hard != 0
    }

    /// Returns whether a reason is soft.
    pub(super) fn is_flawed(self) -> bool {
        self.0 & Reasons::SOFT.0 != 0
    }
}
