// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL functions that openssl-sys does not declare, and their uses.

mod algorithms;
mod error_library;
mod error_state;
mod errors;
pub mod ex_data;
pub mod pkcs12;
pub mod store;

use crate::error::{Error, OutOfMemory, major_version};
use crate::text::printable;
pub use algorithms::{lacks_default_algorithms, offers_md5};
pub use error_library::load_texts as load_error_texts;
#[cfg(ossl3)]
pub use errors::queue_error_as_reason;
pub use errors::{QuietErrors, Refusal, queue_error};
use libc::{c_int, c_uchar, c_ulong, c_void};
use openssl::pkey::{PKeyRef, Private};
use openssl_sys as ffi;
use std::ffi::{CStr, CString};

/// `int (*)(SSL *, X509 **, EVP_PKEY **)` (SSL_CTX_set_client_cert_cb(3)).
pub type ClientCertCallback =
    unsafe extern "C" fn(*mut ffi::SSL, *mut *mut ffi::X509, *mut *mut ffi::EVP_PKEY) -> c_int;
/// `int (*)(SSL *, void *)` (SSL_CTX_set_cert_cb(3)).
pub type CertCallback = unsafe extern "C" fn(*mut ffi::SSL, *mut c_void) -> c_int;
/// The security callback (SSL_CTX_set_security_callback(3)).
pub type SecurityCallback = unsafe extern "C" fn(
    s: *const ffi::SSL,
    ctx: *const ffi::SSL_CTX,
    op: c_int,
    bits: c_int,
    nid: c_int,
    other: *mut c_void,
    ex: *mut c_void,
) -> c_int;
/// The type of SSL_get_sigalgs(3) and SSL_get_shared_sigalgs(3).
pub type SignatureAlgorithmGetter = unsafe extern "C" fn(
    ssl: *mut ffi::SSL,
    index: c_int,
    sign: *mut c_int,
    hash: *mut c_int,
    sign_hash: *mut c_int,
    raw_sign: *mut c_uchar,
    raw_hash: *mut c_uchar,
) -> c_int;

/// `void (*)(const SSL *, int, int)` (SSL_CTX_set_info_callback(3)).
pub type InfoCallback = unsafe extern "C" fn(*const ffi::SSL, c_int, c_int);

/// SSL_CB_HANDSHAKE_START, _HANDSHAKE_DONE, _CONNECT_LOOP, _CONNECT_EXIT and _ALERT of
/// openssl/ssl.h, and TLS_ST_OK.
pub const HANDSHAKE_START: c_int = 0x10;
pub const HANDSHAKE_DONE: c_int = 0x20;
pub const CONNECT_LOOP: c_int = 0x1001;
pub const CONNECT_EXIT: c_int = 0x1002;
pub const ALERT: c_int = 0x4000;
pub const STATE_OK: c_int = 1;

/// SSL_SECOP_EE_KEY and SSL_SECOP_CA_KEY, SSL_SECOP_CA_MD of openssl/ssl.h.
pub const SECOP_EE_KEY: c_int = 16 | (6 << 16);
pub const SECOP_CA_KEY: c_int = 17 | (6 << 16);
pub const SECOP_CA_MD: c_int = 18 | (6 << 16);

unsafe extern "C" {
    // The two callbacks that supply a certificate.
    pub fn SSL_CTX_set_client_cert_cb(ctx: *mut ffi::SSL_CTX, cb: Option<ClientCertCallback>);
    pub fn SSL_CTX_set_cert_cb(ctx: *mut ffi::SSL_CTX, cb: Option<CertCallback>, arg: *mut c_void);
    // The progress of a handshake.
    pub fn SSL_CTX_get_info_callback(ctx: *mut ffi::SSL_CTX) -> Option<InfoCallback>;
    #[cfg(ossl3)]
    pub fn SSL_CTX_set_info_callback(ctx: *mut ffi::SSL_CTX, callback: Option<InfoCallback>);
    pub fn SSL_get_info_callback(ssl: *const ffi::SSL) -> Option<InfoCallback>;
    pub fn SSL_set_info_callback(ssl: *mut ffi::SSL, callback: Option<InfoCallback>);
    pub fn SSL_get_certificate(s: *const ffi::SSL) -> *mut ffi::X509;
    // The content of the CertificateRequest.
    pub fn SSL_get0_peer_CA_list(s: *const ffi::SSL) -> *const ffi::stack_st_X509_NAME;
    pub fn SSL_get_sigalgs(
        ssl: *mut ffi::SSL,
        index: c_int,
        sign: *mut c_int,
        hash: *mut c_int,
        sign_hash: *mut c_int,
        raw_sign: *mut c_uchar,
        raw_hash: *mut c_uchar,
    ) -> c_int;
    pub fn SSL_get_shared_sigalgs(
        ssl: *mut ffi::SSL,
        index: c_int,
        sign: *mut c_int,
        hash: *mut c_int,
        sign_hash: *mut c_int,
        raw_sign: *mut c_uchar,
        raw_hash: *mut c_uchar,
    ) -> c_int;
    pub fn SSL_get_state(s: *const ffi::SSL) -> c_int;
    pub fn SSL_get_fd(s: *const ffi::SSL) -> c_int;
    // Makes the socket of another kind of BIO known to SSL_get_fd(3).
    pub fn BIO_push(bio: *mut ffi::BIO, next: *mut ffi::BIO) -> *mut ffi::BIO;
    pub fn SSL_get_pending_cipher(s: *const ffi::SSL) -> *const ffi::SSL_CIPHER;
    pub fn SSL_CIPHER_get_kx_nid(cipher: *const ffi::SSL_CIPHER) -> c_int;
    pub fn SSL_in_init(s: *const ffi::SSL) -> c_int;
    pub fn SSL_in_before(s: *const ffi::SSL) -> c_int;
    // Whether OpenSSL signed with the certificate; it may have rejected it.
    pub fn SSL_get_signature_type_nid(s: *const ffi::SSL, nid: *mut c_int) -> c_int;
    // Whether the security level permits a certificate, without installing it.
    pub fn SSL_get_security_callback(s: *const ffi::SSL) -> Option<SecurityCallback>;
    pub fn SSL_get0_security_ex_data(s: *const ffi::SSL) -> *mut c_void;
    pub fn X509_get_signature_info(
        x: *mut ffi::X509,
        md: *mut c_int,
        pkey: *mut c_int,
        security_bits: *mut c_int,
        flags: *mut u32,
    ) -> c_int;
    // Installing a certificate.
    pub fn SSL_certs_clear(s: *mut ffi::SSL);
    pub fn SSL_use_cert_and_key(
        s: *mut ffi::SSL,
        x: *mut ffi::X509,
        key: *mut ffi::EVP_PKEY,
        chain: *mut ffi::stack_st_X509,
        overwrite: c_int,
    ) -> c_int;
    // Whether the peer will accept a certificate for a purpose.
    pub fn X509_check_purpose(x: *mut ffi::X509, purpose: c_int, is_ca: c_int) -> c_int;
    // The type of a CA certificate, including those of version 1.
    pub fn X509_check_ca(x: *mut ffi::X509) -> c_int;
    pub fn X509_check_private_key(x: *const ffi::X509, key: *const ffi::EVP_PKEY) -> c_int;
    // Like libpq, the _AUX variant also reads "TRUSTED CERTIFICATE".
    pub fn PEM_read_bio_X509_AUX(
        bio: *mut ffi::BIO,
        out: *mut *mut ffi::X509,
        callback: ffi::pem_password_cb,
        user: *mut c_void,
    ) -> *mut ffi::X509;
    pub fn X509_get0_pubkey(x: *const ffi::X509) -> *mut ffi::EVP_PKEY;
    pub fn X509_NAME_get0_der(
        name: *const ffi::X509_NAME,
        der: *mut *const c_uchar,
        length: *mut usize,
    ) -> c_int;
    pub fn X509_NAME_print_ex(
        out: *mut ffi::BIO,
        name: *const ffi::X509_NAME,
        indent: c_int,
        flags: c_ulong,
    ) -> c_int;
    // The SubjectPublicKeyInfo, to compare keys.
    pub fn X509_get_X509_PUBKEY(x: *const ffi::X509) -> *mut c_void;
    pub fn i2d_X509_PUBKEY(key: *mut c_void, out: *mut *mut c_uchar) -> c_int;
    // A copy, which OpenSSL decodes again.
    pub fn X509_dup(x: *const ffi::X509) -> *mut ffi::X509;
    pub fn i2d_X509_ALGOR(algorithm: *const ffi::X509_ALGOR, out: *mut *mut c_uchar) -> c_int;
    pub fn ASN1_BIT_STRING_get_bit(string: *const ffi::ASN1_BIT_STRING, n: c_int) -> c_int;
    // Digests of passwords in the cache, and their keys.
    pub fn RAND_priv_bytes(bytes: *mut c_uchar, length: c_int) -> c_int;
    pub fn HMAC(
        digest: *const ffi::EVP_MD,
        key: *const c_void,
        key_length: c_int,
        data: *const c_uchar,
        length: usize,
        out: *mut c_uchar,
        out_length: *mut libc::c_uint,
    ) -> *mut c_uchar;
    // The hash of an RSA-PSS key; returns 2 if it is mandatory.
    pub fn EVP_PKEY_get_default_digest_nid(key: *mut ffi::EVP_PKEY, nid: *mut c_int) -> c_int;
}

#[cfg(ossl3)]
unsafe extern "C" {
    // Curve and type by name, without a conversion to a legacy key.
    pub fn EVP_PKEY_get_group_name(
        key: *const ffi::EVP_PKEY,
        name: *mut libc::c_char,
        size: usize,
        length: *mut usize,
    ) -> c_int;
    pub fn EVP_PKEY_get0_type_name(key: *const ffi::EVP_PKEY) -> *const libc::c_char;
    // The provider of a key, such as that of a token.
    fn EVP_PKEY_get0_provider(key: *const ffi::EVP_PKEY) -> *const c_void;
    fn OSSL_PROVIDER_get0_name(provider: *const c_void) -> *const libc::c_char;
    // The library context in which a thread creates objects.
    fn OSSL_LIB_CTX_get0_global_default() -> *mut c_void;
    fn OSSL_LIB_CTX_set0_default(context: *mut c_void) -> *mut c_void;
    // The names that a program has OpenSSL verify.
    pub fn X509_VERIFY_PARAM_get0_host(
        parameters: *mut ffi::X509_VERIFY_PARAM,
        number: c_int,
    ) -> *const libc::c_char;
    pub fn X509_VERIFY_PARAM_get1_ip_asc(
        parameters: *mut ffi::X509_VERIFY_PARAM,
    ) -> *mut libc::c_char;
    // The salt length of an RSA-PSS key.
    pub fn EVP_PKEY_get_int_param(
        key: *const ffi::EVP_PKEY,
        name: *const libc::c_char,
        value: *mut c_int,
    ) -> c_int;
}

#[cfg(not(ossl3))]
unsafe extern "C" {
    pub fn EVP_PKEY_get0_EC_KEY(key: *mut ffi::EVP_PKEY) -> *mut ffi::EC_KEY;
    pub fn EVP_PKEY_get0_RSA(key: *mut ffi::EVP_PKEY) -> *mut ffi::RSA;
    pub fn RSA_get0_pss_params(rsa: *const ffi::RSA) -> *const RsaPssParams;
}

/// RSA_PSS_PARAMS of openssl/rsa.h.
#[cfg(not(ossl3))]
#[repr(C)]
pub struct RsaPssParams {
    hash: *const c_void,
    mask: *const c_void,
    pub salt_length: *mut ffi::ASN1_INTEGER,
    trailer: *const c_void,
    mask_hash: *const c_void,
}

/// Returns the result of `attempt`, or an error if OpenSSL runs out of memory.
///
/// Many of OpenSSL's functions return the same value for an unusual certificate as for an allocation failure,
/// which must not be taken for a property of the certificate. So a failed attempt is repeated, and if it
/// fails again, a test allocation shows whether memory is exhausted.
pub fn retry_unless_out_of_memory<T>(
    mut attempt: impl FnMut() -> Option<T>,
) -> Result<Option<T>, OutOfMemory> {
    if let Some(value) = attempt().or_else(&mut attempt) {
        return Ok(Some(value));
    }
    if has_memory() { Ok(None) } else { Err(OutOfMemory) }
}

fn has_memory() -> bool {
    /// More than any single allocation for a part of a certificate.
    const SIZE: usize = 16 << 10;
    // SAFETY: new memory, which is freed at once; OPENSSL_free accepts NULL.
    unsafe {
        let memory = ffi::OPENSSL_malloc(SIZE);
        ffi::OPENSSL_free(memory);
        !memory.is_null()
    }
}

/// Returns the elements of an OpenSSL stack; none for a NULL stack.
///
/// # Safety
/// `stack` is NULL or a valid stack of pointers to `T`, which outlives the iterator unchanged.
pub unsafe fn stack_elements<S, T>(stack: *const S) -> impl Iterator<Item = *mut T> {
    let stack = stack.cast::<ffi::OPENSSL_STACK>();
    // SAFETY: the caller's promise. OPENSSL_sk_num returns -1 for NULL.
    let count = unsafe { ffi::OPENSSL_sk_num(stack) };
    // SAFETY: the index is below the stack's size.
    (0..count.max(0)).map(move |i| unsafe { ffi::OPENSSL_sk_value(stack, i) }.cast::<T>())
}

/// Returns the bytes that `write` writes to a memory BIO, or `None` if `write` returns false.
pub fn print(write: impl FnOnce(*mut ffi::BIO) -> bool) -> Option<Vec<u8>> {
    // SAFETY: a new BIO, which is freed after its buffer has been copied.
    unsafe {
        let bio = ffi::BIO_new(ffi::BIO_s_mem());
        if bio.is_null() {
            return None;
        }
        let mut printed = None;
        if write(bio) {
            let mut data = std::ptr::null_mut();
            let length = ffi::BIO_get_mem_data(bio, &mut data);
            printed = Some(Vec::new()); // an empty BIO has no buffer
            if let (false, Ok(length)) = (data.is_null(), usize::try_from(length)) {
                printed = Some(std::slice::from_raw_parts(data.cast::<u8>(), length).to_vec());
            }
        }
        ffi::BIO_free_all(bio);
        printed
    }
}

/// A read-only memory BIO.
pub struct MemoryBio<'a>(*mut ffi::BIO, std::marker::PhantomData<&'a [u8]>);

impl<'a> MemoryBio<'a> {
    /// Returns `None` on allocation failure, or if there are more than INT_MAX bytes.
    pub fn new(bytes: &'a [u8]) -> Option<MemoryBio<'a>> {
        let length = c_int::try_from(bytes.len()).ok()?;
        // SAFETY: the BIO reads the bytes, which outlive it.
        let bio = unsafe { ffi::BIO_new_mem_buf(bytes.as_ptr().cast(), length) };
        if bio.is_null() { None } else { Some(MemoryBio(bio, std::marker::PhantomData)) }
    }

    pub fn as_ptr(&self) -> *mut ffi::BIO {
        self.0
    }
}

impl Drop for MemoryBio<'_> {
    fn drop(&mut self) {
        // SAFETY: a BIO that we own and free once.
        unsafe { ffi::BIO_free_all(self.0) };
    }
}

/// The code that holds a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(ossl3), allow(dead_code))]
pub enum KeyHolder {
    /// OpenSSL, in the memory of the process.
    OpenSsl,
    /// Another provider, possibly that of a token. A forked child may be unable to use the key.
    Provider,
    /// OpenSSL 3 has a legacy key without a provider, possibly one of an ENGINE.
    Unknown,
}

/// Returns the holder of a key that was read from a file. In OpenSSL 1.1.1, this is OpenSSL.
pub fn key_holder(key: &PKeyRef<Private>) -> KeyHolder {
    #[cfg(not(ossl3))]
    let _ = key;
    #[cfg(ossl3)]
    // SAFETY: a valid key. Its provider lives as long as the key, and the name is NULL or a C string.
    unsafe {
        let key = foreign_types::ForeignTypeRef::as_ptr(key);
        let provider = EVP_PKEY_get0_provider(key);
        if provider.is_null() {
            return KeyHolder::Unknown;
        }
        let name = OSSL_PROVIDER_get0_name(provider);
        let own = [c"default", c"fips", c"base", c"legacy"];
        if name.is_null() || !own.contains(&CStr::from_ptr(name)) {
            return KeyHolder::Provider;
        }
    }
    KeyHolder::OpenSsl
}

/// Converts a string to a C string. Removes any NUL bytes.
pub fn c_string(text: &str) -> CString {
    let mut bytes = text.as_bytes().to_vec();
    bytes.retain(|b| *b != 0);
    CString::new(bytes).unwrap_or_default()
}

/// Returns whether this thread creates objects in OpenSSL's global library context, which lives as long as
/// the process.
pub fn has_global_context() -> bool {
    #[cfg(ossl3)]
    // SAFETY: for NULL, OSSL_LIB_CTX_set0_default(3) only returns the thread's context.
    unsafe {
        OSSL_LIB_CTX_set0_default(std::ptr::null_mut()) == OSSL_LIB_CTX_get0_global_default()
    }
    #[cfg(not(ossl3))]
    true
}

/// Runs `body` with the global library context as the thread's default.
pub fn in_global_context<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(ossl3)]
    {
        struct Restore(*mut c_void);
        impl Drop for Restore {
            fn drop(&mut self) {
                // SAFETY: the thread's previous context, which the program must not free while it is set.
                unsafe { OSSL_LIB_CTX_set0_default(self.0) };
            }
        }
        // SAFETY: the global context lives as long as the process.
        let _restore =
            Restore(unsafe { OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default()) });
        body()
    }
    #[cfg(not(ossl3))]
    body()
}

/// Fails if the major version of OpenSSL differs from that of the headers at build time, because structures
/// and constants may differ.
pub fn check_version() -> Result<(), Error> {
    let built = env!("CERTPICK_OPENSSL_VERSION").parse::<u64>().unwrap_or(0);
    // SAFETY: no arguments.
    let running = unsafe { ffi::OpenSSL_version_num() } as u64;
    if major_version(built) == major_version(running) {
        return Ok(());
    }
    // SAFETY: for OPENSSL_VERSION (0), the result is a static string.
    let text = unsafe { CStr::from_ptr(ffi::OpenSSL_version(0)) };
    Err(Error::OpenSslVersion { built, running: printable(text.to_bytes()) })
}
