// SPDX-License-Identifier: MIT OR Apache-2.0
//! Misspelt settings. A provider can ask for a setting by its name, but not which ones there are,
//! so openssl.cnf is read once more, when a certificate is needed.

use super::settings::NAMES;
use crate::name;
use crate::ossl::{self, QuietErrors};
use libc::{c_char, c_int, c_long, c_void};
use openssl_sys as ffi;
use std::ffi::{CStr, CString};
use std::ptr;

/// CONF_VALUE of openssl/conf.h.
#[repr(C)]
struct Value {
    section: *const c_char,
    name: *const c_char,
    value: *const c_char,
}

/// OpenSSL's CONF.
enum Conf {}

unsafe extern "C" {
    fn CONF_get1_default_config_file() -> *mut c_char;
    fn NCONF_new(method: *const c_void) -> *mut Conf;
    fn NCONF_free(conf: *mut Conf);
    fn NCONF_load(conf: *mut Conf, file: *const c_char, error_line: *mut c_long) -> c_int;
    fn NCONF_get_string(
        conf: *const Conf,
        section: *const c_char,
        name: *const c_char,
    ) -> *const c_char;
    fn NCONF_get_section(conf: *const Conf, section: *const c_char) -> *mut c_void;
}

/// Settings that a provider's section may have for OpenSSL itself (config(5)).
const OPENSSLS_OWN: [&[u8]; 4] = [b"module", b"activate", b"identity", b"soft_load"];

/// Whether the section of the provider with this name has settings that do not exist. Where the
/// section is not found (a program may read another file), nothing is said.
pub fn check_names(provider: &[u8]) -> Result<(), String> {
    let _errors = QuietErrors::new();
    let Some(conf) = Config::default_file() else { return Ok(()) };
    for name in conf.provider_settings(provider).unwrap_or_default() {
        let known =
            NAMES.iter().any(|n| n.to_bytes() == name) || OPENSSLS_OWN.contains(&name.as_slice());
        if !known {
            let shown = name::printable(&String::from_utf8_lossy(&name));
            return Err(format!("there is no setting \"{shown}\""));
        }
    }
    Ok(())
}

struct Config(*mut Conf);

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: ours, freed once; NULL is allowed.
        unsafe { NCONF_free(self.0) };
    }
}

impl Config {
    fn default_file() -> Option<Config> {
        // SAFETY: the name is ours to free, the configuration freed by its owner.
        unsafe {
            let file = CONF_get1_default_config_file();
            if file.is_null() {
                return None;
            }
            let conf = Config(NCONF_new(ptr::null()));
            let loaded = !conf.0.is_null() && NCONF_load(conf.0, file, ptr::null_mut()) == 1;
            ffi::OPENSSL_free(file.cast());
            loaded.then_some(conf)
        }
    }

    fn string(&self, section: Option<&CStr>, name: &CStr) -> Option<CString> {
        let section = section.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: a loaded configuration; the value belongs to it and is copied.
        unsafe {
            let value = NCONF_get_string(self.0, section, name.as_ptr());
            (!value.is_null()).then(|| CStr::from_ptr(value).to_owned())
        }
    }

    /// The names and values of a section.
    fn section(&self, section: &CStr) -> Option<Vec<(CString, CString)>> {
        // SAFETY: a loaded configuration, whose values are copied.
        unsafe {
            let values = NCONF_get_section(self.0, section.as_ptr());
            if values.is_null() {
                return None;
            }
            let copy = |text: *const c_char| {
                if text.is_null() { CString::default() } else { CStr::from_ptr(text).to_owned() }
            };
            let values = ossl::stack_elements::<_, Value>(values.cast_const());
            Some(values.map(|v| (copy((*v).name), copy((*v).value))).collect())
        }
    }

    /// openssl_conf → providers → the entry of this name, or with this identity → its names.
    fn provider_settings(&self, provider: &[u8]) -> Option<Vec<Vec<u8>>> {
        let application = self.string(None, c"openssl_conf")?;
        let providers = self.string(Some(&application), c"providers")?;
        for (name, section) in self.section(&providers)? {
            let identity = self.string(Some(&section), c"identity");
            // What stands before a dot only keeps names apart (config(5)).
            let plain = name.to_bytes().rsplit(|b| *b == b'.').next().unwrap_or_default();
            if identity.as_ref().map_or(plain, |i| i.to_bytes()) == provider {
                let plain = |(name, _): (CString, CString)| {
                    let bytes = name.to_bytes();
                    bytes.split(|b| *b == b'.').next_back().unwrap_or_default().to_vec()
                };
                return Some(self.section(&section)?.into_iter().map(plain).collect());
            }
        }
        None
    }
}
