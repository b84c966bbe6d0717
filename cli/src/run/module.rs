// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where libcertpick.so is.

use crate::credentials::absolute_path;
use crate::failure::Failure;
use certpick_core::error::file_name;
use certpick_core::text::printable;
use libc::{c_char, c_int};
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A package for running programs has the second name alone.
const FILES: [&str; 2] = ["libcertpick.so", "libcertpick.so.0"];

/// The module that the user names, or that is found; in both cases one that can be loaded.
pub fn find(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(file) = named {
        let file = absolute_path(file)?;
        return loadable(&file).map(|()| file.clone()).map_err(|why| {
            Failure::new(format!("--module {file:?} is not a module that OpenSSL can load: {why}"))
        });
    }
    let directories = directories();
    let files = directories.iter().flat_map(|d| FILES.map(|f| d.join(f)));
    let Some(file) = files.into_iter().find(|f| f.is_file()) else {
        let searched: Vec<String> =
            directories.iter().map(|d| format!("    {}", file_name(d))).collect();
        return Err(Failure::new(format!(
            "libcertpick.so is not to be found in any of\n{}\n\
             Install it in one of these, or say where it is: --module /path/libcertpick.so",
            searched.join("\n")
        )));
    };
    match loadable(&file) {
        Ok(()) => Ok(file),
        Err(why) => Err(Failure::new(format!(
            "{file:?} is not a module that OpenSSL can load: {why}\n\
             Name another by --module /path/libcertpick.so"
        ))),
    }
}

/// Where it may have been installed, in the order of the search.
fn directories() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    let modules = openssls_modules();
    let program = std::env::current_exe().ok();
    if let Some(beside) = program.as_deref().and_then(Path::parent) {
        directories.push(beside.to_owned());
        if let Some(prefix) = beside.parent() {
            directories.extend([prefix.join("lib"), prefix.join("lib64")]);
            // Debian's multiarch name, of which OpenSSL knows: /usr/lib/x86_64-linux-gnu/ossl-modules.
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

/// OpenSSL's own directory of modules; OPENSSL_info(3) came with 3.0.
fn openssls_modules() -> Option<PathBuf> {
    const MODULES_DIR: c_int = 1003;
    type Info = unsafe extern "C" fn(c_int) -> *const c_char;
    // SAFETY: a name; the function of this name has this type and gives a text that stays, or NULL.
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

/// Whether it loads, is a provider, and is ours. OpenSSL would say nothing to the program's user.
fn loadable(file: &Path) -> Result<(), String> {
    file.metadata().map_err(|e| e.to_string())?;
    let name = CString::new(file.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
    // SAFETY: a name; what is loaded is what the program will load. It stays loaded.
    let (has_init, has_version) = unsafe {
        let module = libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        if module.is_null() {
            let why = libc::dlerror();
            let why = if why.is_null() { c"unknown error" } else { CStr::from_ptr(why) };
            return Err(printable(why.to_bytes()));
        }
        let has = |symbol: &CStr| !libc::dlsym(module, symbol.as_ptr()).is_null();
        (has(c"OSSL_provider_init"), has(c"certpick_version"))
    };
    match (has_version, has_init) {
        (true, true) => Ok(()),
        (true, false) => Err("it was built for OpenSSL 1.1.1, which has no providers".to_owned()),
        _ => Err("it is not certpick's".to_owned()),
    }
}
