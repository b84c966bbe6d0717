// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arguments for the linker (the SONAME, that the library stays loaded, that it needs no libgcc_s), and
//! the OpenSSL that the library is built against.

use std::path::{Path, PathBuf};
use std::process::Command;

#[allow(dead_code)] // its `main`
mod core {
    include!("core/build.rs");
}

fn main() {
    core::main();

    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcertpick.so.0");
        // OpenSSL keeps pointers to our callbacks in every SSL_CTX and ex_data index.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // A function that this OpenSSL has only as a macro is an error here, not in the program.
        // What a fuzz target is instrumented with comes only when it is linked.
        let defined =
            if std::env::var_os("CARGO_CFG_FUZZING").is_some() { "undefs" } else { "defs" };
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,{defined}");
        if let Some(directory) = static_unwinder() {
            println!("cargo:rustc-cdylib-link-arg=-L{}", directory.display());
        }
    }
}

/// A directory in which the linker, when it looks for the libgcc_s that rustc asks for, finds the
/// archive with the same code. Nothing unwinds out of this library, so it needs no unwinder in
/// common with the program; and it is loaded into programs in C that have none.
///
/// rustc puts -lgcc_s before whatever a build script adds, so no flag of gcc's does the same.
fn static_unwinder() -> Option<PathBuf> {
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    if std::env::var("CARGO_CFG_TARGET_ENV").as_deref() != Ok("gnu") {
        return None;
    }
    let linker = std::env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let asked = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let archive = String::from_utf8(asked.stdout).ok()?;
    // A compiler that lacks it repeats the name.
    if !Path::new(archive.trim()).is_absolute() {
        return None;
    }
    let directory = PathBuf::from(std::env::var_os("OUT_DIR")?).join("unwinder");
    std::fs::create_dir_all(&directory).ok()?;
    std::fs::write(directory.join("libgcc_s.so"), "GROUP ( -lgcc_eh -lgcc )\n").ok()?;
    Some(directory)
}
