// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets cfg flags for the version of OpenSSL.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    set_openssl_version();
}

/// Sets `ossl3` and `ossl4`, and CERTPICK_OPENSSL_VERSION. openssl-sys passes the version number of
/// OpenSSL's headers, in hexadecimal, to the build scripts of its users.
fn set_openssl_version() {
    println!("cargo:rustc-check-cfg=cfg(ossl3)");
    println!("cargo:rustc-check-cfg=cfg(ossl4)");
    println!("cargo:rustc-check-cfg=cfg(fuzzing)");
    let number = std::env::var("DEP_OPENSSL_VERSION_NUMBER").unwrap_or_default();
    let number = u64::from_str_radix(&number, 16).unwrap_or(0);
    println!("cargo:rustc-env=CERTPICK_OPENSSL_VERSION={number}");
    if number < 0x1010_1000 {
        println!("cargo:warning=certpick needs OpenSSL 1.1.1 or later");
    }
    if number >= 0x3000_0000 {
        println!("cargo:rustc-cfg=ossl3");
    }
    if number >= 0x4000_0000 {
        println!("cargo:rustc-cfg=ossl4");
    }
}
