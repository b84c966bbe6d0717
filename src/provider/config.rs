// SPDX-License-Identifier: MIT OR Apache-2.0
//! Misspelt settings. A provider can ask for a setting by its name, but not which ones there are,
//! so openssl.cnf is read once more, when a certificate is needed.

use super::settings::NAMES;
use crate::ossl::{self, QuietErrors};
use crate::text::excerpt;
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

/// Whether the section of the provider with this name has settings that do not exist, or that
/// OpenSSL does not pass on. Where the section is not found (a program may read another file),
/// nothing is said.
pub fn check_settings(provider: &[u8]) -> Result<(), String> {
    let _errors = QuietErrors::new();
    let Some(conf) = Config::default_file() else { return Ok(()) };
    for (name, value) in conf.provider_settings(provider).unwrap_or_default() {
        let shown = || excerpt(name.to_bytes());
        if OPENSSLS_OWN.contains(&behind_dot(&name)) {
            continue;
        }
        if !NAMES.contains(&name.as_c_str()) {
            return Err(format!("there is no setting \"{}\"", shown()));
        }
        if conf.section(&value).is_some() {
            return Err(format!(
                "the value of \"{}\" is the name of a section, so OpenSSL does not take it as it \
                 stands",
                shown()
            ));
        }
    }
    Ok(())
}

/// For OpenSSL's own names, what stands before a dot only keeps them apart (config(5)).
fn behind_dot(name: &CStr) -> &[u8] {
    name.to_bytes().split(|b| *b == b'.').next_back().unwrap_or_default()
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

    /// The section of the provider with this name or identity. It is looked for wherever a program
    /// may begin: openssl_conf, or a name of its own (CONF_modules_load_file(3)), which stands in
    /// the default section as well.
    fn provider_settings(&self, provider: &[u8]) -> Option<Vec<(CString, CString)>> {
        let starts = self.section(c"default")?;
        starts.iter().find_map(|(_, application)| {
            let providers = self.string(Some(application), c"providers")?;
            self.section(&providers)?.iter().find_map(|(name, section)| {
                let identity = self.string(Some(section), c"identity");
                let known = identity.as_ref().map_or(behind_dot(name), |i| i.to_bytes());
                if known == provider { self.section(section) } else { None }
            })
        })
    }
}
