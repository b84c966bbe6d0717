// SPDX-License-Identifier: MIT OR Apache-2.0

#[test]
fn the_bits_are_those_of_the_header() {
    use crate::capi;
    use certpick_core::choice::Reasons;
    for (reason, constant) in [
        (Reasons::ISSUER, capi::CERTPICK_REASON_ISSUER),
        (Reasons::SIGNATURE_ALGORITHM, capi::CERTPICK_REASON_SIGNATURE_ALGORITHM),
        (Reasons::CERTIFICATE_TYPE, capi::CERTPICK_REASON_CERTIFICATE_TYPE),
        (Reasons::SECURITY_LEVEL, capi::CERTPICK_REASON_SECURITY_LEVEL),
        (Reasons::POLICY, capi::CERTPICK_REASON_POLICY),
        (Reasons::EXPIRED, capi::CERTPICK_REASON_EXPIRED),
        (Reasons::NOT_YET_VALID, capi::CERTPICK_REASON_NOT_YET_VALID),
        (Reasons::KEY_USAGE, capi::CERTPICK_REASON_KEY_USAGE),
        (Reasons::EXTENDED_KEY_USAGE, capi::CERTPICK_REASON_EXTENDED_KEY_USAGE),
        (Reasons::KEY, capi::CERTPICK_REASON_KEY),
    ] {
        assert_eq!(reason.0, constant);
    }
}
