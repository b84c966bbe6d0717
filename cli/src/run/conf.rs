// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads openssl.cnf with the library, and returns OpenSSL's messages for errors.

use certpick_core::openssl_cnf::Conf;
use openssl::error::ErrorStack;
use openssl_sys as ffi;
use std::path::Path;

/// Prevents OpenSSL from loading its configuration into this process, because its modules may require
/// a device or a PIN. Must be called before any other OpenSSL function.
pub fn disable_config_loading() {
    const NO_LOAD_CONFIG: u64 = 0x80;
    // SAFETY: NULL means no settings.
    unsafe { ffi::OPENSSL_init_ssl(NO_LOAD_CONFIG, std::ptr::null()) };
}

/// Reads a file. The error is OpenSSL's message.
pub fn load(file: &Path) -> Result<Conf, String> {
    let conf = Conf::load(file);
    conf.ok_or(openssl_errors())
}

/// Parses a text. The error is OpenSSL's message.
pub fn parse(text: &[u8]) -> Result<Conf, String> {
    let conf = Conf::parse(text);
    conf.ok_or(openssl_errors())
}

/// Empties OpenSSL's error queue and returns its messages in one line.
fn openssl_errors() -> String {
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
    if all.is_empty() { "OpenSSL gives no reason".to_owned() } else { all.join("; ") }
}
