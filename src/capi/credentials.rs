// SPDX-License-Identifier: MIT OR Apache-2.0
//! Adding credentials.
//!
//! If a function of this section fails, the selector is unchanged and certpick_selector_error()
//! describes the failure.

use super::*;
use certpick_core::PasswordCallback;
use certpick_core::Secret;
use certpick_core::list::{self, Passwords};
use certpick_core::source::{handled, in_memory, permitted};
use foreign_types::ForeignType;
use libc::{c_int, c_void};
use openssl::pkey::PKey;
use openssl::x509::X509;
use openssl_sys::{EVP_PKEY, stack_st_X509};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A callback that supplies the password of a private key or the PIN of a token. It writes at most
/// size bytes to buf, without a terminating NUL, and returns their number, or -1 if it has no
/// password. key_file is the name of the key file as it was added, or the URI of the key without
/// pin-source. The callback is not called for the password of a PKCS#12 file. It runs in the thread
/// that performs the handshake or calls certpick_selector_validate(). No lock is held during the
/// call.
pub type certpick_password_cb = Option<
    unsafe extern "C" fn(
        buf: *mut c_char,
        size: c_int,
        key_file: *const c_char,
        arg: *mut c_void,
    ) -> c_int,
>;

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Adds every entry of libpq's parameters sslcert, sslkey and sslpassword, or on failure none.
/// sslkey and sslpassword may be NULL or empty.
///
/// Entries are separated by commas, and the Nth entries of the lists belong together. White space around
/// an unquoted file name is ignored; in passwords every byte counts. An entry that begins with a
/// double quote ends at the next one, except that two double quotes in it stand for one. If sslcert
/// as a whole is the name of an existing file, it is that file. With one certificate, sslkey and
/// sslpassword are taken whole, unsplit. If the sslkey entry is empty or there is no sslkey, the
/// key is where the certificate is. If the sslpassword entry is empty or there is no sslpassword,
/// there is no password.
///
/// An entry of sslcert is one of the following; all but the first are new in 0.1.1.
///
/// - A PEM file. It contains the certificate and its intermediates in any order, at most 1,000
///   certificates. It is read now or taken from the cache, and malformed PEM or DER is an error now.
///   If only OpenSSL's decoder rejects a certificate, that is an error when the certificate is
///   chosen or validated (since 0.1.1). The sslkey entry is a key file or a URI. A key file is PEM
///   or DER, PKCS#8 or traditional, encrypted or not. A PEM file that wraps the URI of pkcs11-provider
///   counts as that URI (since 0.1.1).
/// - A PKCS#12 file, which is recognized by its content. Each key with its certificate is a
///   credential. The password is that of the file and is needed now. The sslkey entry must be empty.
/// - A directory. Each certificate in it that has a key by the name of its file or in the same file
///   is a credential; the one that is valid longest comes first. The sslkey entry is empty or a
///   directory with the keys. The password is that of all files. doc/lists.md has the names.
/// - A URI: "pkcs11:" and attributes of RFC 7512, or "handle:". Each certificate behind it that is
///   not a CA's is a credential. The sslkey entry is empty, which means the same URI, a key file or
///   another URI. The password is the PIN. URIs need OpenSSL 3.0 and an active provider for the
///   scheme; the provider must be able to list the certificates without a PIN.
/// - "certpick:FILE", for the credentials and the issuers of a configuration file, as with
///   certpick_selector_add_config(). Its entries in sslkey and sslpassword must be empty.
///
/// Keys are read or decrypted when their certificate is chosen or validated. If a file changes, the
/// next handshake uses the new content (since 0.1.1; see certpick_cache_clear()). If a file exists
/// whose name looks like a URI or begins with "certpick:", "./" before the name means the file. If
/// the environment variable CERTPICK_RESTRICT is set, or the program has the set-user-ID or
/// set-group-ID bit or capabilities, entries other than PEM files are errors.
/// Error messages count entries, of which each credential of a configuration file is one; indices
/// count credentials.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_lists(
    selector: *mut certpick_selector,
    sslcert: *const c_char,
    sslkey: *const c_char,
    sslpassword: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or C strings.
    unsafe {
        with_selector(selector, |selector| {
            let sslcert = bytes(sslcert).ok_or(Error::Argument("sslcert is NULL"))?;
            let passwords = Passwords::List(bytes(sslpassword));
            selector.change(|s| s.add_lists(sslcert, bytes(sslkey), &passwords, permitted()))
        })
    }
}

/// Like certpick_selector_add_lists(), but adds one entry, which is a PEM file or a PKCS#12 file
/// (since 0.1.1), and file names are neither split nor unquoted. If key is NULL or empty, the key
/// is in the certificate file. If password is NULL or empty, there is no password.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_files(
    selector: *mut certpick_selector,
    cert: *const c_char,
    key: *const c_char,
    password: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or C strings.
    unsafe {
        with_selector(selector, |selector| {
            let cert = bytes(cert).filter(|c| !c.is_empty());
            let cert = cert.ok_or(Error::Argument("no certificate file is given"))?;
            let key = bytes(key).filter(|k| !k.is_empty()).map(path);
            let password = bytes(password).and_then(Secret::new);
            selector.change(|s| s.add_files(path(cert), key, password))
        })
    }
}

/// Adds one entry of any kind, with every credential that it stands for, or on failure nothing.
/// Names are neither split nor unquoted; otherwise the entry is one of
/// certpick_selector_add_lists(). sslkey and password may be NULL or empty. Since 0.1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_source(
    selector: *mut certpick_selector,
    sslcert: *const c_char,
    sslkey: *const c_char,
    password: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or C strings.
    unsafe {
        with_selector(selector, |selector| {
            let sslcert = bytes(sslcert).filter(|c| !c.is_empty());
            let sslcert = sslcert.ok_or(Error::Argument("no certificate is given"))?;
            let key = bytes(sslkey).filter(|k| !k.is_empty()).map(path);
            let password = bytes(password).and_then(Secret::new);
            selector.change(|s| s.add_entry(path(sslcert), key, password, permitted()))
        })
    }
}

/// Adds one credential from text in memory. cert is PEM, cert_len bytes: the certificate and its
/// intermediates in any order, and possibly the key. key is the key, key_len bytes in PEM or DER;
/// NULL if cert contains it. Neither needs a terminating NUL. If password is NULL or empty, there
/// is no password; the password callback is not called.
///
/// The texts are decoded now and not kept. The caller wipes its own copies. Since 0.1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_pem(
    selector: *mut certpick_selector,
    cert: *const c_void,
    cert_len: usize,
    key: *const c_void,
    key_len: usize,
    password: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or readable memory of these lengths; NULL or a C string.
    unsafe {
        with_selector(selector, |selector| {
            let cert = memory(cert, cert_len)?.ok_or(Error::Argument("no certificate is given"))?;
            let key = memory(key, key_len)?;
            let password = bytes(password).and_then(Secret::new);
            selector.change(|s| s.add_pem(cert, key, password.as_ref()))
        })
    }
}

/// Returns the bytes at a pointer; `None` if there are none.
///
/// # Safety
/// `start` is NULL, or `length` bytes can be read there for the lifetime of the result.
unsafe fn memory<'a>(start: *const c_void, length: usize) -> Result<Option<&'a [u8]>, Error> {
    if length == 0 {
        return Ok(None);
    }
    if start.is_null() {
        return Err(Error::Argument("the text is NULL"));
    }
    if length > in_memory::MAX_BYTES {
        return Err(Error::Argument("the text is longer than 16 MiB"));
    }
    // SAFETY: the caller's promise.
    Ok(Some(unsafe { std::slice::from_raw_parts(start.cast(), length) }))
}

/// Adds one credential that is held in memory. The function takes references; the caller keeps its
/// own. chain contains the intermediates in any order and may be NULL. key must match leaf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_credential(
    selector: *mut certpick_selector,
    leaf: *mut openssl_sys::X509,
    key: *mut EVP_PKEY,
    chain: *mut stack_st_X509,
) -> certpick_status {
    // SAFETY: NULL or valid objects of OpenSSL; each gets a reference before it is taken over.
    unsafe {
        with_selector(selector, |selector| {
            if leaf.is_null() || key.is_null() {
                return Err(Error::Argument("the certificate or its key is NULL"));
            }
            let own = |x: *mut openssl_sys::X509| {
                openssl_sys::X509_up_ref(x);
                X509::from_ptr(x)
            };
            let chain = ossl::stack_elements::<_, openssl_sys::X509>(chain)
                .filter(|x| !x.is_null())
                .map(own)
                .collect();
            openssl_sys::EVP_PKEY_up_ref(key);
            let key = PKey::from_ptr(key);
            let leaf = own(leaf);
            selector.change(|s| s.add_credential(leaf, key, chain))
        })
    }
}

/// Adds the certificates of a PEM file, at most 10,000, to the issuer pool. The pool completes the
/// chains that are sent. Its certificates are never trusted, and root certificates are never sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_issuers(
    selector: *mut certpick_selector,
    pem_file: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or a C string.
    unsafe {
        with_selector(selector, |selector| {
            let file = bytes(pem_file).filter(|f| !f.is_empty());
            let file = file.ok_or(Error::Argument("no file of issuers is given"))?;
            selector.change(|s| s.add_issuers(&path(file)))
        })
    }
}

/// Adds every credential of a configuration file (certpick.toml(5)), with its rule, and the file's
/// issuers, or on failure nothing.
///
/// The file is checked in each handshake that requests a certificate. If it has changed, the new
/// content is used from then on; indices in that handshake count the credentials of the new
/// content. If the new content has an error, or the file cannot be read, the handshake is aborted.
/// With CERTPICK_CACHE_OFF, later changes are ignored. Since 0.1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_config(
    selector: *mut certpick_selector,
    file: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or a C string.
    unsafe {
        with_selector(selector, |selector| {
            let file = bytes(file).filter(|f| !f.is_empty());
            let file = file.ok_or(Error::Argument("no configuration file is given"))?;
            selector.change(|s| s.add_config(&path(file)))
        })
    }
}

/// Returns 1 if libpq must pass these values of its parameters sslcert and sslkey to certpick,
/// because it cannot use them itself: sslcert is a list (see certpick_is_list()), begins with
/// "certpick:", or is the name of a directory or of a PKCS#12 file; or if sslcert or sslkey is a
/// URI, or the name of a PEM file that contains the URI of a key (in sslcert, and no certificate).
/// An sslkey with a colon that is not a URI names the key of an engine. Otherwise returns 0, in
/// particular for one certificate in PEM and for "engine:key": libpq then behaves as without
/// certpick. Both may be NULL.
///
/// libpq passes the values to certpick_selector_add_lists(). If sslcert is NULL or empty, it passes
/// the name of its default certificate file and sslkey to certpick_selector_add_source().
///
/// A regular file is read to find out what it contains. Nothing is read from a pipe. If
/// certpick_selector_add_lists() accepts only PEM files, no file is read, and the function returns 1
/// only for lists, URIs and "certpick:". Since 0.1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_handles(sslcert: *const c_char, sslkey: *const c_char) -> c_int {
    // SAFETY: NULL or C strings.
    let (sslcert, sslkey) = unsafe { (bytes(sslcert), bytes(sslkey)) };
    let handles =
        guard(|| handled::is_handled(sslcert.unwrap_or_default(), sslkey.unwrap_or_default()));
    c_int::from(handles.unwrap_or(false))
}

/// Returns 1 if sslcert, a value of libpq's parameter, names several certificates: it contains a
/// comma that separates entries and is not the name of an existing file. Otherwise, and for NULL,
/// returns 0. A malformed list counts as a list, so that certpick_selector_add_lists() reports the
/// error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_is_list(sslcert: *const c_char) -> c_int {
    // SAFETY: NULL or a C string.
    let is_list = guard(|| unsafe { bytes(sslcert) }.is_some_and(list::is_list));
    c_int::from(is_list.unwrap_or(false))
}

/// Sets the callback that supplies the password of an encrypted key for which no password was
/// added. NULL removes it. The callback is called once per key; threads that need the same key for
/// the first time at the same moment each call it. arg is passed to the callback and must stay
/// valid as long as the selector.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_set_password_callback(
    selector: *mut certpick_selector,
    callback: certpick_password_cb,
    arg: *mut c_void,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; a function as the header describes it.
    unsafe {
        with_selector(selector, |selector| {
            let callback = callback.map(|function| PasswordCallback::new(function, arg));
            selector.change(|s| {
                s.set_password_callback(callback);
                Ok(())
            })
        })
    }
}

/// Decodes every certificate, loads every key with its password, and checks that they match, so
/// that a program finds errors when it starts. Returns the status of the first failure;
/// certpick_selector_error() returns one line for each failure, in the order of the entries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_validate(
    selector: *mut certpick_selector,
) -> certpick_status {
    // SAFETY: NULL or a valid selector.
    unsafe {
        with_selector(selector, |selector| {
            // No lock is held while the program's callback runs.
            let validation = selector.validation()?;
            validation.run()
        })
    }
}
