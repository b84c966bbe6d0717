// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads openssl.cnf (config(5)) with OpenSSL's parser, and finds providers and their settings. The
//! module and the program use the same reader.
//!
//! `openssl_conf` in the default section names a section of modules, `providers` there names a
//! section of providers, and each value there names the section of a provider. openssl-sys declares
//! none of these functions.

use crate::ossl;
use libc::{c_char, c_int, c_long, c_void};
use openssl_sys as ffi;
use std::ffi::{CStr, CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::ptr;

/// CONF of openssl/conf.h.
enum RawConf {}

/// CONF_VALUE of openssl/conf.h.
#[repr(C)]
struct RawValue {
    section: *const c_char,
    name: *const c_char,
    value: *const c_char,
}

unsafe extern "C" {
    fn CONF_get1_default_config_file() -> *mut c_char;
    fn NCONF_new(method: *const c_void) -> *mut RawConf;
    fn NCONF_free(conf: *mut RawConf);
    fn NCONF_load(conf: *mut RawConf, file: *const c_char, error_line: *mut c_long) -> c_int;
    fn NCONF_load_bio(conf: *mut RawConf, bio: *mut ffi::BIO, error_line: *mut c_long) -> c_int;
    fn NCONF_get_section(conf: *const RawConf, section: *const c_char) -> *const c_void;
}

/// A name and its value.
pub type NameValue = (Vec<u8>, Vec<u8>);

/// Returns the file that OpenSSL reads: `OPENSSL_CONF`, or openssl.cnf in OpenSSL's directory. If
/// the variable is empty, OpenSSL reads no file, and the result is `None`.
pub fn default_file() -> Option<PathBuf> {
    // SAFETY: NULL or a C string that we must free.
    let bytes = unsafe {
        let name = CONF_get1_default_config_file();
        if name.is_null() {
            return None;
        }
        let bytes = CStr::from_ptr(name).to_bytes().to_vec();
        ffi::OPENSSL_free(name.cast());
        bytes
    };
    (!bytes.is_empty()).then(|| PathBuf::from(OsString::from_vec(bytes)))
}

/// A parsed configuration.
pub struct Conf(*mut RawConf);

impl Drop for Conf {
    fn drop(&mut self) {
        // SAFETY: ours, freed once.
        unsafe { NCONF_free(self.0) };
    }
}

impl Conf {
    fn allocate() -> Option<Conf> {
        // SAFETY: NULL selects the default method.
        let conf = unsafe { NCONF_new(ptr::null()) };
        (!conf.is_null()).then_some(Conf(conf))
    }

    /// Parses a file. Adds entries to OpenSSL's error queue even on success, for example for a
    /// missing included file.
    pub fn load(file: &Path) -> Option<Conf> {
        let conf = Conf::allocate()?;
        let name = CString::new(file.as_os_str().as_bytes()).ok()?;
        // SAFETY: a configuration and a C string.
        let done = unsafe { NCONF_load(conf.0, name.as_ptr(), ptr::null_mut()) };
        (done == 1).then_some(conf)
    }

    /// Parses a text, like `load`.
    pub fn parse(text: &[u8]) -> Option<Conf> {
        let conf = Conf::allocate()?;
        let length = c_int::try_from(text.len()).ok()?;
        // SAFETY: the BIO reads from `text`, which outlives it.
        let done = unsafe {
            let bio = ffi::BIO_new_mem_buf(text.as_ptr().cast(), length);
            if bio.is_null() {
                return None;
            }
            let done = NCONF_load_bio(conf.0, bio, ptr::null_mut());
            ffi::BIO_free_all(bio);
            done
        };
        (done == 1).then_some(conf)
    }

    /// Returns the names and values of a section in order, or `None` if there is no such section.
    /// Unlike NCONF_get_string(3), does not fall back to the default section.
    pub fn section(&self, section: &[u8]) -> Option<Vec<NameValue>> {
        let section = CString::new(section).ok()?;
        let copy = |text: *const c_char| {
            if text.is_null() {
                return Vec::new();
            }
            // SAFETY: a C string that belongs to the configuration.
            unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
        };
        // SAFETY: a configuration and a C string. The stack of CONF_VALUE belongs to the
        // configuration, and its elements are copied.
        unsafe {
            let stack = NCONF_get_section(self.0, section.as_ptr());
            if stack.is_null() {
                return None;
            }
            let values = ossl::stack_elements::<_, RawValue>(stack);
            Some(values.map(|v| (copy((*v).name), copy((*v).value))).collect())
        }
    }

    /// Returns the value of a name in a section, without the default section.
    pub fn value(&self, section: &[u8], name: &[u8]) -> Option<Vec<u8>> {
        self.section(section)?.into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Returns whether there is such a section.
    pub fn has_section(&self, section: &[u8]) -> bool {
        self.section(section).is_some()
    }

    /// Returns the lists of providers in a section of modules: the names of the modules and the
    /// sections of the lists.
    pub fn provider_lists(&self, modules: &[u8]) -> Vec<NameValue> {
        let all = self.section(modules).unwrap_or_default();
        all.into_iter().filter(|(name, _)| before_last_dot(name) == b"providers").collect()
    }

    /// Returns the providers of a list.
    pub fn providers(&self, list: &[u8]) -> Vec<Provider> {
        let all = self.section(list).unwrap_or_default();
        all.into_iter().map(|(key, section)| self.provider(list, key, section)).collect()
    }

    fn provider(&self, list: &[u8], key: Vec<u8>, section: Vec<u8>) -> Provider {
        let mut provider = Provider {
            list: list.to_vec(),
            name: after_first_dot(&key).to_vec(),
            key,
            module: None,
            active: false,
            settings: Vec::new(),
        };
        for (name, value) in self.section(&section).unwrap_or_default() {
            match after_first_dot(&name) {
                b"identity" => provider.name = value,
                b"module" => provider.module = Some(value),
                b"activate" => provider.active = is_activated(&value),
                b"soft_load" => {}
                _ => provider.settings.push((name, value)),
            }
        }
        provider
    }
}

/// A provider in a configuration.
pub struct Provider {
    /// The section that lists the provider.
    pub list: Vec<u8>,
    /// Its name in that section.
    pub key: Vec<u8>,
    /// Its name in OpenSSL.
    pub name: Vec<u8>,
    /// The module's file.
    pub module: Option<Vec<u8>>,
    /// Whether OpenSSL loads it.
    pub active: bool,
    /// The settings that OpenSSL does not use itself. It passes them to the provider under their
    /// full names, including dots.
    pub settings: Vec<NameValue>,
}

/// Returns the part of a name that OpenSSL compares for providers and its own settings (`skip_dot`
/// in provider_conf.c).
fn after_first_dot(name: &[u8]) -> &[u8] {
    name.splitn(2, |b| *b == b'.').last().unwrap_or_default()
}

/// Returns the part of a name that OpenSSL compares for configuration modules (`module_find` in
/// conf_mod.c).
fn before_last_dot(name: &[u8]) -> &[u8] {
    name.rsplitn(2, |b| *b == b'.').last().unwrap_or_default()
}

/// Returns whether OpenSSL activates a provider for this value. Before 3.3, it ignores the value.
fn is_activated(value: &[u8]) -> bool {
    const OPENSSL_3_3: i64 = 0x3030_0000;
    let no = [&b"0"[..], b"no", b"NO", b"false", b"FALSE", b"off", b"OFF"];
    openssl::version::number() < OPENSSL_3_3 || !no.contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_providers_and_settings_begin_after_the_first_dot() {
        let conf = Conf::parse(
            b"[modules]\nproviders.a.b = no\nproviders.a = list\nx.providers = no\n\
              [list]\na.b.certpick = p\n\
              [p]\nx.activate = 1\nx.y.activate = 1\nx.y.module = m\nx.sslcert = c\nsslkey = k\n",
        )
        .unwrap();
        assert_eq!(conf.provider_lists(b"modules"), [(b"providers.a".to_vec(), b"list".to_vec())]);
        let providers = conf.providers(b"list");
        let [provider] = &providers[..] else { panic!("{} providers", providers.len()) };
        assert_eq!(provider.name, b"b.certpick");
        assert!(provider.active && provider.module.is_none());
        let names: Vec<&[u8]> = provider.settings.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, [&b"x.y.activate"[..], b"x.y.module", b"x.sslcert", b"sslkey"]);
    }
}
