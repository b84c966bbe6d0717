// SPDX-License-Identifier: MIT OR Apache-2.0
//! The second opinion on an outline, for tests and fuzzing: OpenSSL's.

#![allow(clippy::panic)]

use super::Outline;
use crate::choice::Key;
use crate::credential::facts::{self, Clock};
use crate::credential::leaf;
use crate::name;

/// Holds an outline against what OpenSSL makes of the same bytes.
pub fn compare(der: &[u8], outline: &Outline) {
    let certificate = match leaf::decode(der) {
        Ok(certificate) => certificate,
        Err(why) => panic!("OpenSSL does not read what has an outline: {why}\n{der:02x?}"),
    };
    let Ok(key) = facts::key(&certificate) else { return };
    let is_off_curve = matches!(outline.key, Key::Ec(_)) && key == Key::Other;
    assert!(key == outline.key || is_off_curve, "{key:?} {:?}\n{der:02x?}", outline.key);
    let validity = Clock::new().map(|clock| clock.validity(&certificate));
    assert_eq!(validity, Some((outline.not_before, outline.not_after)), "{der:02x?}");
    assert_eq!(facts::usage_reasons(&certificate), Ok(outline.lasting), "{der:02x?}");
    assert_eq!(name::common_name(&certificate), Ok(outline.common_name.clone()), "{der:02x?}");
    assert_eq!(name::der(certificate.issuer_name()), outline.issuer(der));
    assert_eq!(name::der(certificate.subject_name()), outline.subject(der));
    assert!(!name::equal(certificate.issuer_name(), certificate.subject_name()), "{der:02x?}");
}
