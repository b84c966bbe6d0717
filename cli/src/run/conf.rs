// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's reader of openssl.cnf, with OpenSSL's words for what is wrong.

use certpick_core::openssl_cnf::Conf;
use openssl::error::ErrorStack;
use openssl_sys as ffi;
use std::path::Path;

/// Has OpenSSL leave its configuration alone in this process: what it loads is for the program,
/// and may ask for a device or a PIN. To be called before anything else of OpenSSL.
pub fn keep_out_of_this_process() {
    const NO_LOAD_CONFIG: u64 = 0x80;
    // SAFETY: an option, and no settings.
    unsafe { ffi::OPENSSL_init_ssl(NO_LOAD_CONFIG, std::ptr::null()) };
}

/// Reads a file; the error is in OpenSSL's words.
pub fn load(file: &Path) -> Result<Conf, String> {
    let conf = Conf::load(file);
    let words = words_of_openssl();
    conf.ok_or(words)
}

/// Reads a text.
pub fn parse(text: &[u8]) -> Result<Conf, String> {
    let conf = Conf::parse(text);
    let words = words_of_openssl();
    conf.ok_or(words)
}

/// What OpenSSL has to say of a failure, all in one line. Empties the queue.
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
