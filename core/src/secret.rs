// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passwords.

use std::fmt;
use zeroize::Zeroizing;

/// A password. It is wiped when dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Copies `bytes`. Returns `None` for an empty password, which means "no password".
    pub fn new(bytes: &[u8]) -> Option<Secret> {
        Secret::from_zeroizing(Zeroizing::new(bytes.to_vec()))
    }

    /// Takes ownership of `bytes`. Returns `None` for an empty password.
    pub fn from_zeroizing(bytes: Zeroizing<Vec<u8>>) -> Option<Secret> {
        if bytes.is_empty() { None } else { Some(Secret(bytes)) }
    }

    /// Returns the password. For fuzz/ only.
    #[cfg(fuzzing)]
    #[doc(hidden)]
    pub fn expose(&self) -> &[u8] {
        self.bytes()
    }

    /// Returns the password.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_show_the_password() {
        let secret = Secret::new(b"hunter2").unwrap();
        let shown = format!("{secret:?} {:?}", Some(&secret));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains("104"), "byte values: {shown}");
    }

    #[test]
    fn an_empty_password_counts_as_none() {
        assert!(Secret::new(b"").is_none());
    }
}
