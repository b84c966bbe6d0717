// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets the linker arguments of the library, and `ossl3` if OpenSSL's headers are of version 3.0 or later.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(ossl3)");
    println!("cargo:rustc-check-cfg=cfg(fuzzing)");
    // Like core/build.rs, which a package of this crate alone does not contain.
    let version = std::env::var("DEP_OPENSSL_VERSION_NUMBER").unwrap_or_default();
    if u64::from_str_radix(&version, 16).is_ok_and(|number| number >= 0x3000_0000) {
        println!("cargo:rustc-cfg=ossl3");
    }

    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcertpick.so.0");
        // OpenSSL keeps pointers to our callbacks in every SSL_CTX and ex_data index.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // Reports undefined symbols now, for example a function that this version of OpenSSL has only as
        // a macro. In a fuzz build the symbols of the instrumentation are defined by the fuzz target.
        let defined =
            if std::env::var_os("CARGO_CFG_FUZZING").is_some() { "undefs" } else { "defs" };
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,{defined}");
        if let Some(directory) = static_unwinder() {
            println!("cargo:rustc-cdylib-link-arg=-L{}", directory.display());
        }
    }
}

/// Returns a directory for the linker's search path in which libgcc_s, which rustc links, is replaced by
/// the static archive with the same code. No panic unwinds out of this library, so it need not share an
/// unwinder with the program, and C programs should not have to load libgcc_s for it. Returns `None` if
/// the compiler has no such archive.
///
/// A flag such as -static-libgcc has no effect, since rustc puts -lgcc_s before the arguments of a build
/// script.
fn static_unwinder() -> Option<PathBuf> {
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    if std::env::var("CARGO_CFG_TARGET_ENV").as_deref() != Ok("gnu") {
        return None;
    }
    let linker = std::env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let output = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let archive = String::from_utf8(output.stdout).ok()?;
    // A compiler that lacks the archive prints the name unchanged.
    if !Path::new(archive.trim()).is_absolute() {
        return None;
    }
    let directory = PathBuf::from(std::env::var_os("OUT_DIR")?).join("unwinder");
    std::fs::create_dir_all(&directory).ok()?;
    std::fs::write(directory.join("libgcc_s.so"), "GROUP ( -lgcc_eh -lgcc )\n").ok()?;
    Some(directory)
}
