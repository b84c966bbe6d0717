// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of OpenSSL that the crate `openssl` lacks.

use foreign_types::{ForeignType, ForeignTypeRef};
use libc::{c_char, c_int, c_long, c_uchar, c_void};
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::pkey_ctx::PkeyCtxRef;
use openssl::ssl::{SslContextBuilder, SslRef, SslVerifyMode};
use openssl::symm::Cipher;
use openssl::x509::{X509, X509StoreContextRef};
use openssl_sys::{
    EVP_CIPHER, EVP_PKEY_CTX, EVP_PKEY_up_ref, EVP_PKEY2PKCS8, OPENSSL_STACK, OPENSSL_sk_num,
    OPENSSL_sk_value, PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free, SSL, SSL_CTX, SSL_CTX_ctrl,
    SSL_get_privatekey, X509_ALGOR, X509_STORE_CTX, X509_up_ref,
};
use std::cell::RefCell;
use std::ffi::{CStr, CString};

/// `int (*)(SSL *, void *)` (SSL_CTX_set_cert_cb(3)).
pub type CertCallback = unsafe extern "C" fn(*mut SSL, *mut c_void) -> c_int;
/// The security callback (SSL_CTX_set_security_callback(3)).
pub type SecurityCallback = unsafe extern "C" fn(
    *const SSL,
    *const SSL_CTX,
    c_int,
    c_int,
    c_int,
    *mut c_void,
    *mut c_void,
) -> c_int;

unsafe extern "C" {
    pub fn SSL_CTX_set_cert_cb(ctx: *mut SSL_CTX, cb: Option<CertCallback>, arg: *mut c_void);
    pub fn SSL_CTX_set_security_callback(ctx: *mut SSL_CTX, cb: Option<SecurityCallback>);
    fn SSL_CTX_set_info_callback(
        ctx: *mut SSL_CTX,
        cb: Option<unsafe extern "C" fn(*const SSL, c_int, c_int)>,
    );
    fn SSL_get_certificate(ssl: *const SSL) -> *mut openssl_sys::X509;
    fn SSL_set_post_handshake_auth(ssl: *mut SSL, on: c_int);
    pub fn SSL_verify_client_post_handshake(ssl: *mut SSL) -> c_int;
    fn X509_STORE_CTX_get0_untrusted(context: *const X509_STORE_CTX) -> *mut OPENSSL_STACK;
    fn EVP_PKEY_CTX_ctrl_str(
        context: *mut EVP_PKEY_CTX,
        name: *const c_char,
        value: *const c_char,
    ) -> c_int;
    fn PKCS5_pbe2_set_iv(
        cipher: *const EVP_CIPHER,
        iterations: c_int,
        salt: *mut c_uchar,
        salt_length: c_int,
        iv: *mut c_uchar,
        prf_nid: c_int,
    ) -> *mut X509_ALGOR;
    fn PKCS5_pbe2_set_scrypt(
        cipher: *const EVP_CIPHER,
        salt: *const c_uchar,
        salt_length: c_int,
        iv: *mut c_uchar,
        n: u64,
        r: u64,
        p: u64,
    ) -> *mut X509_ALGOR;
    fn PKCS5_pbe_set(
        nid: c_int,
        iterations: c_int,
        salt: *const c_uchar,
        salt_length: c_int,
    ) -> *mut X509_ALGOR;
    fn PKCS8_set0_pbe(
        password: *const c_char,
        length: c_int,
        key: *mut PKCS8_PRIV_KEY_INFO,
        how: *mut X509_ALGOR,
    ) -> *mut c_void;
    fn i2d_X509_SIG(encrypted: *const c_void, out: *mut *mut c_uchar) -> c_int;
    fn X509_SIG_free(encrypted: *mut c_void);
}

/// SSL_VERIFY_POST_HANDSHAKE: the server requests a certificate only after the handshake.
pub const VERIFY_POST_HANDSHAKE: SslVerifyMode = SslVerifyMode::from_bits_retain(8);

/// The command of the macro SSL_CTX_set1_client_sigalgs_list(3).
const SSL_CTRL_SET_CLIENT_SIGALGS_LIST: c_int = 102;
/// The command of the macro SSL_CTX_set1_client_certificate_types(3).
const SSL_CTRL_SET_CLIENT_CERT_TYPES: c_int = 104;

/// Sets the signature algorithms of a server's CertificateRequest, or those with which a client may
/// sign, for example "ed25519:rsa_pkcs1_sha256".
pub fn set_client_sigalgs(ctx: &mut SslContextBuilder, list: &str) {
    let list = CString::new(list).unwrap();
    // SAFETY: a valid SSL_CTX; the list is copied.
    let done = unsafe {
        let list = list.as_ptr().cast_mut().cast();
        SSL_CTX_ctrl(ctx.as_ptr(), SSL_CTRL_SET_CLIENT_SIGALGS_LIST, 0, list)
    };
    assert_eq!(done, 1, "{list:?}");
}

/// Sets the certificate types of a server's CertificateRequest (TLS 1.2).
pub fn set_client_certificate_types(ctx: &mut SslContextBuilder, types: &[u8]) {
    let count = c_long::try_from(types.len()).unwrap();
    // SAFETY: a valid SSL_CTX; the bytes are copied.
    let done = unsafe {
        let types = types.as_ptr().cast_mut().cast();
        SSL_CTX_ctrl(ctx.as_ptr(), SSL_CTRL_SET_CLIENT_CERT_TYPES, count, types)
    };
    assert_eq!(done, 1, "{types:?}");
}

/// Allows the server to request a certificate after the handshake.
pub fn set_post_handshake_auth(ssl: &mut SslRef) {
    // SAFETY: a valid SSL.
    unsafe { SSL_set_post_handshake_auth(ssl.as_ptr(), 1) };
}

thread_local! {
    /// The last certificate and key of a client in this thread.
    static IN_USE: RefCell<Option<(X509, PKey<Private>)>> = const { RefCell::new(None) };
}

unsafe extern "C" fn record_certificate(ssl: *const SSL, _kind: c_int, _value: c_int) {
    // SAFETY: a valid SSL; the certificate and the key get their own references.
    unsafe {
        let (certificate, key) = (SSL_get_certificate(ssl), SSL_get_privatekey(ssl));
        if !certificate.is_null() && !key.is_null() {
            X509_up_ref(certificate);
            EVP_PKEY_up_ref(key);
            IN_USE.set(Some((X509::from_ptr(certificate), PKey::from_ptr(key))));
        }
    }
}

/// Records the certificate and key of the context's SSLs during handshakes. After a handshake certpick
/// has removed them.
pub fn record_certificates(ctx: &mut SslContextBuilder) {
    // SAFETY: a valid SSL_CTX, and a callback of the right type.
    unsafe { SSL_CTX_set_info_callback(ctx.as_ptr(), Some(record_certificate)) };
}

/// Returns the last recorded certificate and key of this thread, and forgets them.
pub fn take_certificate() -> Option<(X509, PKey<Private>)> {
    IN_USE.take()
}

/// Returns the certificates that the peer sent, in order.
pub fn received(context: &X509StoreContextRef) -> Vec<X509> {
    // SAFETY: the stack belongs to the context; each certificate gets its own reference.
    unsafe {
        let stack = X509_STORE_CTX_get0_untrusted(context.as_ptr());
        let count = OPENSSL_sk_num(stack);
        (0..count)
            .map(|i| {
                let certificate = OPENSSL_sk_value(stack, i).cast();
                X509_up_ref(certificate);
                X509::from_ptr(certificate)
            })
            .collect()
    }
}

/// EVP_PKEY_CTX_ctrl_str(3).
pub fn set_parameter<T>(context: &mut PkeyCtxRef<T>, name: &CStr, value: &str) {
    let value = CString::new(value).unwrap();
    // SAFETY: a valid context and two C strings.
    let done = unsafe { EVP_PKEY_CTX_ctrl_str(context.as_ptr(), name.as_ptr(), value.as_ptr()) };
    assert_eq!(done, 1, "{name:?}={value:?}");
}

/// The encryption of a PKCS#8 key.
#[derive(Clone, Copy, Debug)]
pub enum Encryption {
    /// PBES2 with PBKDF2 and the PRF with this NID.
    Pbkdf2(c_int),
    /// PBES2 with scrypt.
    Scrypt,
    /// PBES1: the NID of the whole scheme.
    Pbes1(c_int),
}

/// Returns an EncryptedPrivateKeyInfo (RFC 5958, section 3) in DER.
pub fn encrypt(
    key: &PKeyRef<Private>,
    how: Encryption,
    cipher: Cipher,
    password: &[u8],
) -> Vec<u8> {
    let (none, cipher) = (std::ptr::null_mut(), cipher.as_ptr());
    // SAFETY: a valid key and cipher. All allocations are freed below; the encrypted key owns the
    // algorithm.
    unsafe {
        let algorithm = match how {
            Encryption::Pbkdf2(prf) => PKCS5_pbe2_set_iv(cipher, 1000, none, 8, none, prf),
            Encryption::Scrypt => PKCS5_pbe2_set_scrypt(cipher, none, 8, none, 1024, 8, 1),
            Encryption::Pbes1(nid) => PKCS5_pbe_set(nid, 1000, none, 8),
        };
        assert!(!algorithm.is_null(), "{how:?}");
        let plain = EVP_PKEY2PKCS8(key.as_ptr());
        let length = c_int::try_from(password.len()).unwrap();
        let encrypted = PKCS8_set0_pbe(password.as_ptr().cast(), length, plain, algorithm);
        assert!(!encrypted.is_null(), "{how:?}");
        let size = i2d_X509_SIG(encrypted, std::ptr::null_mut());
        let mut der = vec![0; usize::try_from(size).unwrap()];
        let mut out = der.as_mut_ptr();
        assert_eq!(i2d_X509_SIG(encrypted, &mut out), size);
        X509_SIG_free(encrypted);
        PKCS8_PRIV_KEY_INFO_free(plain);
        der
    }
}
