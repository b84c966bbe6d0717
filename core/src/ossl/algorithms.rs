// SPDX-License-Identifier: MIT OR Apache-2.0
//! The algorithms that the active providers of OpenSSL 3 offer. The configuration may permit only those of
//! the fips provider.

#[cfg(ossl3)]
use libc::{c_char, c_int, c_void};

#[cfg(ossl3)]
unsafe extern "C" {
    fn EVP_default_properties_is_fips_enabled(context: *mut c_void) -> c_int;
    fn OSSL_PROVIDER_available(context: *mut c_void, name: *const c_char) -> c_int;
    fn EVP_MD_fetch(
        context: *mut c_void,
        algorithm: *const c_char,
        properties: *const c_char,
    ) -> *mut c_void;
    fn EVP_MD_free(digest: *mut c_void);
}

/// Returns whether the configuration of OpenSSL excludes algorithms of the default provider: the provider is
/// not active, or default_properties demands fips=yes.
pub fn lacks_default_algorithms() -> bool {
    #[cfg(ossl3)]
    // SAFETY: NULL is the default library context; a C string.
    unsafe {
        let context = std::ptr::null_mut();
        EVP_default_properties_is_fips_enabled(context) == 1
            || OSSL_PROVIDER_available(context, c"default".as_ptr()) == 0
    }
    #[cfg(not(ossl3))]
    false
}

/// Returns whether an active provider offers MD5, which decrypts keys in traditional PEM.
pub fn offers_md5() -> bool {
    #[cfg(ossl3)]
    // SAFETY: the default library context and its properties; the digest is NULL or freed once.
    unsafe {
        let digest = EVP_MD_fetch(std::ptr::null_mut(), c"MD5".as_ptr(), std::ptr::null());
        EVP_MD_free(digest);
        !digest.is_null()
    }
    #[cfg(not(ossl3))]
    true
}
