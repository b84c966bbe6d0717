// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the linker and the compiler must know: the SONAME, that the library stays loaded,
//! and which OpenSSL it is built against.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");

    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcertpick.so.0");
        // OpenSSL keeps pointers to our callbacks in every SSL_CTX and ex_data index.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // A function that this OpenSSL has only as a macro is an error here, not in the program.
        // What a fuzz target is instrumented with comes only when it is linked.
        let defined =
            if std::env::var_os("CARGO_CFG_FUZZING").is_some() { "undefs" } else { "defs" };
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,{defined}");
    }

    // openssl-sys tells those who link it the number of the headers' version, in hexadecimal.
    println!("cargo:rustc-check-cfg=cfg(ossl3)");
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
}
