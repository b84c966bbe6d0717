// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds libcertpick.so.

use crate::credentials::absolute_path;
use crate::failure::Failure;
use certpick_core::error::file_name;
use certpick_core::text::printable;
use libc::{c_char, c_int};
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A package without development files contains only the second name.
const FILES: [&str; 2] = ["libcertpick.so", "libcertpick.so.0"];

/// Returns the module that the user named, or the first one in the search path. Checks that it can be
/// loaded.
pub fn find(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let file = match named {
        Some(file) => absolute_path(file)?,
        None => search()?,
    };
    match check_loadable(&file) {
        Ok(()) => Ok(file),
        Err(reason) => Err(Failure::new(format!(
            "could not load module {file:?}: {reason}\n\
             Name libcertpick.so with --module /path/libcertpick.so."
        ))),
    }
}

fn search() -> Result<PathBuf, Failure> {
    let directories = directories();
    let mut files = directories.iter().flat_map(|d| FILES.map(|f| d.join(f)));
    files.find(|f| f.is_file()).ok_or_else(|| {
        let searched: Vec<String> =
            directories.iter().map(|d| format!("    {}", file_name(d))).collect();
        Failure::new(format!(
            "could not find libcertpick.so in\n{}\n\
             Install it in one of these directories, or name it with --module \
             /path/libcertpick.so.",
            searched.join("\n")
        ))
    })
}

/// Returns the search path.
fn directories() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    let modules = openssl_modules();
    let program = std::env::current_exe().ok();
    if let Some(bin) = program.as_deref().and_then(Path::parent) {
        directories.push(bin.to_owned());
        if let Some(prefix) = bin.parent() {
            directories.extend([prefix.join("lib"), prefix.join("lib64")]);
            // Debian's multiarch name, from OpenSSL's /usr/lib/x86_64-linux-gnu/ossl-modules.
            let library = modules.as_deref().and_then(Path::parent).and_then(Path::file_name);
            directories.extend(library.map(|name| prefix.join("lib").join(name)));
        }
    }
    directories.extend(std::env::var_os("OPENSSL_MODULES").map(PathBuf::from));
    directories.extend(modules);
    let mut seen = Vec::new();
    directories.retain(|d| {
        d.is_absolute() && !seen.contains(d) && {
            seen.push(d.clone());
            true
        }
    });
    directories
}

/// Returns OpenSSL's directory of modules. OPENSSL_info(3) exists since 3.0.
fn openssl_modules() -> Option<PathBuf> {
    const MODULES_DIR: c_int = 1003;
    type Info = unsafe extern "C" fn(c_int) -> *const c_char;
    // SAFETY: OPENSSL_info has this type and returns NULL or a static NUL-terminated string.
    unsafe {
        let address = libc::dlsym(libc::RTLD_DEFAULT, c"OPENSSL_info".as_ptr());
        if address.is_null() {
            return None;
        }
        let info = std::mem::transmute::<*mut libc::c_void, Info>(address);
        let text = info(MODULES_DIR);
        (!text.is_null()).then(|| OsStr::from_bytes(CStr::from_ptr(text).to_bytes()).into())
    }
}

/// Checks that the file is a provider module of certpick. In the program, OpenSSL would not show the
/// error to the user.
fn check_loadable(file: &Path) -> Result<(), String> {
    file.metadata().map_err(|e| e.to_string())?;
    let name = CString::new(file.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
    // SAFETY: the names are NUL-terminated. The module, which the program will load too, stays loaded.
    let (has_init, has_version) = unsafe {
        let module = libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        if module.is_null() {
            let error = libc::dlerror();
            let error = if error.is_null() { c"unknown error" } else { CStr::from_ptr(error) };
            return Err(printable(error.to_bytes()));
        }
        let has = |symbol: &CStr| !libc::dlsym(module, symbol.as_ptr()).is_null();
        (has(c"OSSL_provider_init"), has(c"certpick_version"))
    };
    match (has_version, has_init) {
        (true, true) => Ok(()),
        (true, false) => Err("it was built for OpenSSL 1.1.1, which has no providers".to_owned()),
        _ => Err("it is not a module of certpick".to_owned()),
    }
}
