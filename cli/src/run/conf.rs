// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL's own reader of openssl.cnf, so that a file means here what it will mean in the program.
//! openssl-sys declares none of these functions.

use crate::failure::Failure;
use libc::{c_char, c_int, c_long, c_void};
use openssl::error::ErrorStack;
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

/// Has OpenSSL leave its configuration alone in this process: what it loads is for the program,
/// and may ask for a device or a PIN. To be called before anything else of OpenSSL.
pub fn keep_out_of_this_process() {
    const NO_LOAD_CONFIG: u64 = 0x80;
    // SAFETY: an option, and no settings.
    unsafe { ffi::OPENSSL_init_ssl(NO_LOAD_CONFIG, ptr::null()) };
}

/// The file that OpenSSL reads: `OPENSSL_CONF`, or openssl.cnf in its own directory. `None` where
/// the variable is empty, by which OpenSSL reads none.
pub fn default_file() -> Option<PathBuf> {
    // SAFETY: a C string of OpenSSL's that is ours to free, or NULL.
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

/// A configuration that was read.
pub struct Conf(*mut RawConf);

impl Drop for Conf {
    fn drop(&mut self) {
        // SAFETY: ours, freed once.
        unsafe { NCONF_free(self.0) };
    }
}

impl Conf {
    /// One that says nothing.
    pub fn empty() -> Result<Conf, Failure> {
        Conf::parse(b"").map_err(Failure::new)
    }

    fn allocate() -> Result<Conf, String> {
        // SAFETY: NULL stands for the usual method.
        let conf = unsafe { NCONF_new(ptr::null()) };
        if conf.is_null() { Err(words_of_openssl()) } else { Ok(Conf(conf)) }
    }

    /// Reads a file; the error is in OpenSSL's words.
    pub fn load(file: &Path) -> Result<Conf, String> {
        let conf = Conf::allocate()?;
        let name = CString::new(file.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
        // SAFETY: a configuration and a C string.
        let done = unsafe { NCONF_load(conf.0, name.as_ptr(), ptr::null_mut()) };
        conf.if_done(done)
    }

    /// Reads a text.
    pub fn parse(text: &[u8]) -> Result<Conf, String> {
        let conf = Conf::allocate()?;
        let length = c_int::try_from(text.len()).map_err(|e| e.to_string())?;
        // SAFETY: the BIO reads from `text`, which outlives it.
        let done = unsafe {
            let bio = ffi::BIO_new_mem_buf(text.as_ptr().cast(), length);
            if bio.is_null() {
                return Err(words_of_openssl());
            }
            let done = NCONF_load_bio(conf.0, bio, ptr::null_mut());
            ffi::BIO_free_all(bio);
            done
        };
        conf.if_done(done)
    }

    fn if_done(self, done: c_int) -> Result<Conf, String> {
        // Empties the queue: an included file that is missing is no failure, but is noted there.
        let words = words_of_openssl();
        if done == 1 { Ok(self) } else { Err(words) }
    }

    /// The names and values of a section, in order; `None` where there is no such section. Unlike
    /// NCONF_get_string(3), it does not look into the default section as well.
    pub fn section(&self, section: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let section = CString::new(section).ok()?;
        let copy = |text: *const c_char| {
            if text.is_null() {
                return Vec::new();
            }
            // SAFETY: a C string of the configuration's.
            unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
        };
        // SAFETY: a configuration and a C string; the stack of CONF_VALUE belongs to the
        // configuration, and what is in it is copied.
        unsafe {
            let stack = NCONF_get_section(self.0, section.as_ptr()).cast::<ffi::OPENSSL_STACK>();
            if stack.is_null() {
                return None;
            }
            let values = (0..ffi::OPENSSL_sk_num(stack)).map(|i| {
                let value = ffi::OPENSSL_sk_value(stack, i).cast::<RawValue>();
                (copy((*value).name), copy((*value).value))
            });
            Some(values.collect())
        }
    }

    /// The value of a name in a section itself.
    pub fn value(&self, section: &[u8], name: &[u8]) -> Option<Vec<u8>> {
        self.section(section)?.into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Whether there is such a section.
    pub fn has_section(&self, section: &[u8]) -> bool {
        self.section(section).is_some()
    }
}

/// What OpenSSL has to say of a failure, all in one line.
fn words_of_openssl() -> String {
    let all: Vec<String> = ErrorStack::get()
        .errors()
        .iter()
        .map(|error| {
            let reason = error.reason().unwrap_or("unknown error");
            match error.data() {
                Some(data) => format!("{reason}: {data}"),
                None => reason.to_owned(),
            }
        })
        .collect();
    if all.is_empty() { "OpenSSL does not say why".to_owned() } else { all.join("; ") }
}
