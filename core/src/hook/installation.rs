// SPDX-License-Identifier: MIT OR Apache-2.0
//! Installs the chosen credential on an SSL and removes it when the handshake no longer needs it.
//!
//! OpenSSL would keep the certificate, send it for the next request without calling the callback, and
//! copy or share it by SSL_dup(3) and SSL_copy_session_id(3). It is therefore removed as soon as the
//! client has signed with it. An info callback, which is set on the SSL together with the certificate,
//! notices this. It also calls the info callback that was set before, which is then restored.

use super::record;
use super::slots::{CertSlot, Installation, read_slots, restore_slot, select_current};
use crate::error::{Cause, Error};
use crate::guard::guard;
use crate::ossl::{self, InfoCallback, QuietErrors};
use crate::request;
use crate::source::key::LoadedKey;
use crate::source::store::WeakStoreKey;
use foreign_types::ForeignType;
use libc::c_int;
use openssl::pkey::{PKey, Private};
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl_sys as ffi;
use std::cell::RefCell;
use std::ffi::CStr;

/// The credential that was installed.
pub struct Installed {
    /// The leaf.
    pub leaf: X509,
    /// The private key.
    pub key: PKey<Private>,
}

/// The reason why a credential was not installed.
pub enum InstallError {
    /// The security level refuses the certificate.
    SecurityLevel,
    /// The file of one of the certificates has changed, or may have.
    Changed,
    /// The credential cannot be used, so the handshake is aborted.
    Fatal(Cause),
}

/// Prepares an SSL: saves and removes the certificates that the program has set, and sets the info
/// callback. First ends an installation that a failed handshake has left.
///
/// # Safety
/// `ssl` is a client's valid SSL, inside one of the two certificate callbacks.
pub unsafe fn begin(ssl: *mut ffi::SSL) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe {
        end(ssl);
        let ctx = ffi::SSL_get_SSL_CTX(ssl);
        let new = Installation { leaf: None, key: None, saved: read_slots(ssl), ctx };
        *record::installation(ssl)? = Some(new);
        let previous = ossl::SSL_get_info_callback(ssl);
        if !previous.is_some_and(is_our_callback) {
            record::set_previous_callback(ssl, previous);
        }
        ossl::SSL_certs_clear(ssl);
        ossl::SSL_set_info_callback(ssl, Some(info_callback));
    }
    Ok(())
}

/// Installs a credential on an SSL that [`begin`] has prepared.
///
/// # Safety
/// As for [`begin`].
pub unsafe fn install(
    ssl: *mut ffi::SSL,
    leaf: &X509,
    key: LoadedKey,
    chain: &Stack<X509>,
) -> Result<Installed, InstallError> {
    let no_memory = |_| InstallError::Fatal(Cause::Memory(None));
    let errors = QuietErrors::new();
    // SAFETY: the caller's promise, and valid objects; OpenSSL takes its own references.
    // TLS 1.3 chooses among the certificates of all slots, so these are cleared first.
    let done = unsafe {
        ossl::SSL_certs_clear(ssl);
        if let Some(installation) = record::installation(ssl).map_err(no_memory)? {
            installation.leaf = Some(leaf.clone());
            installation.key = Some(key.clone());
        }
        let pkey = key.key().as_ptr();
        ossl::SSL_use_cert_and_key(ssl, leaf.as_ptr(), pkey, chain.as_ptr(), 1)
    };
    if done == 1 {
        if let LoadedKey::Store(key) = &key {
            let _ = LAST_KEY.try_with(|last| last.replace(Some(key.downgrade())));
        }
        return Ok(Installed { leaf: leaf.clone(), key: key.key().clone() });
    }
    if errors.is_security_level() {
        return Err(InstallError::SecurityLevel);
    }
    if errors.is_out_of_memory() {
        return Err(no_memory(Error::Memory));
    }
    Err(InstallError::Fatal(Cause::Refused(errors.reason())))
}

/// Removes the installed certificate, and restores the program's own certificates and its info callback.
/// Certificates that the program has set since [`begin`] stay.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
pub unsafe fn end(ssl: *mut ffi::SSL) {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(installation) = record::take_installation(ssl) {
            remove(ssl, &installation);
        }
        if ossl::SSL_get_info_callback(ssl).is_some_and(is_our_callback) {
            ossl::SSL_set_info_callback(ssl, record::previous_callback(ssl));
        }
    }
}

/// # Safety
/// As for [`end`].
unsafe fn remove(ssl: *mut ffi::SSL, installation: &Installation) {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise; each object is valid.
    unsafe {
        let current = ossl::SSL_get_certificate(ssl);
        let present = read_slots(ssl);
        let ours = installation.leaf.as_ref().map(X509::as_ptr);
        let is_ours = |slot: &CertSlot| Some(slot.leaf.as_ptr()) == ours;
        // SSL_set_SSL_CTX(3), for example, replaces all certificates of the SSL. They stay.
        let is_same_ctx = ffi::SSL_get_SSL_CTX(ssl) == installation.ctx;
        if present.iter().any(is_ours) || (ours.is_none() && is_same_ctx) {
            ossl::SSL_certs_clear(ssl);
            let others = present.iter().filter(|slot| !is_ours(slot));
            installation.saved.iter().chain(others).for_each(|slot| restore_slot(ssl, slot));
        } else if !current.is_null() {
            select_current(ssl, current);
        }
    }
}

fn is_our_callback(callback: InfoCallback) -> bool {
    callback as usize == info_callback as *const () as usize
}

/// Returns whether this or another copy of the library in the process has handled the request in a
/// cert_cb. The SSL then has the info callback of that copy.
///
/// # Safety
/// `ssl` is a valid SSL, inside its client_cert_cb.
#[cfg(ossl3)]
pub unsafe fn was_handled_by_cert_cb(ssl: *const ffi::SSL) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(callback) = ossl::SSL_get_info_callback(ssl) else { return false };
        if is_our_callback(callback) {
            return record::has_installation(ssl);
        }
        super::object::exports(callback as *const (), c"certpick_select")
    }
}

/// # Safety
/// OpenSSL calls it as SSL_set_info_callback(3) says.
unsafe extern "C" fn info_callback(ssl: *const ffi::SSL, kind: c_int, value: c_int) {
    let next = guard(|| {
        let ssl = ssl.cast_mut();
        // SAFETY: a valid SSL, which this thread uses.
        unsafe {
            if is_over(ssl, kind, value) {
                discard_key_after_failure(ssl, kind, value);
                end_within_quic(ssl, kind);
                end(ssl);
            }
            // A callback that replaced ours and calls it may later become our previous callback. The flag
            // prevents endless recursion.
            match next_callback(ssl) {
                Some(next) if !record::set_is_calling(ssl, true) => Some(next),
                _ => None,
            }
        }
    });
    if let Some(Some(next)) = next {
        // SAFETY: the program's callback, called as OpenSSL would have called it.
        unsafe { next(ssl, kind, value) };
        // SAFETY: a valid SSL, which this thread uses.
        guard(|| unsafe { record::set_is_calling(ssl, false) });
    }
}

thread_local! {
    /// The token's key that this thread has installed last.
    static LAST_KEY: RefCell<Option<WeakStoreKey>> = const { RefCell::new(None) };
}

/// Discards a token's key if OpenSSL could not sign with it, for example because the token was removed.
/// OpenSSL then sends the alert internal_error. It reports the alerts of a QUIC connection with an internal
/// SSL, which may have no record, but has the same key as the program's.
///
/// # Safety
/// As for [`end`], in the SSL's info callback.
unsafe fn discard_key_after_failure(ssl: *mut ffi::SSL, kind: c_int, value: c_int) {
    /// SSL_CB_WRITE_ALERT of openssl/ssl.h, and a fatal SSL_AD_INTERNAL_ERROR.
    const SENT_ALERT: c_int = 0x4008;
    const INTERNAL_ERROR: c_int = 2 << 8 | 80;
    if kind != SENT_ALERT || value != INTERNAL_ERROR {
        return;
    }
    // SAFETY: the caller's promise. OpenSSL is not called while the reference is used.
    let installation = unsafe { record::installation(ssl) };
    if let Ok(Some(Installation { key: Some(key), .. })) = installation {
        key.discard();
        return;
    }
    // SAFETY: the caller's promise. The result is only compared.
    let present = unsafe { ffi::SSL_get_privatekey(ssl) };
    let last = LAST_KEY.try_with(|last| last.borrow().as_ref().and_then(WeakStoreKey::upgrade));
    if let Ok(Some(key)) = last {
        if key.key().as_ptr() == present {
            key.discard();
        }
    }
}

/// Removes the certificate from a QUIC connection, if this SSL has no record of it. OpenSSL reports alerts with
/// an internal SSL, and since 3.5 calls the cert_cb with it, but reports progress with the program's SSL. Both
/// share certificates and callbacks. The program's certificates are not restored, since a QUIC connection
/// cannot be used again. [`end`] then removes the info callback.
///
/// # Safety
/// As for [`end`], in the SSL's info callback.
unsafe fn end_within_quic(ssl: *mut ffi::SSL, kind: c_int) {
    // SAFETY: the caller's promise.
    unsafe {
        let callback = ossl::SSL_get_info_callback(ssl);
        if (kind & ossl::ALERT != 0 || ffi::SSL_version(ssl) == request::QUIC1)
            && callback.is_some_and(is_our_callback)
            && !record::has_installation(ssl)
        {
            ossl::SSL_certs_clear(ssl);
        }
    }
}

/// Returns whether the handshake no longer needs the certificate: the client has signed with it or has
/// sent Finished without it, the handshake has failed, or a new one begins.
///
/// # Safety
/// `ssl` is a valid SSL, in its info callback.
unsafe fn is_over(ssl: *const ffi::SSL, kind: c_int, value: c_int) -> bool {
    /// SSL3_AL_FATAL of openssl/ssl3.h.
    const FATAL: c_int = 2;
    // The numbers of these states differ between versions of OpenSSL; the abbreviations do not.
    // SAFETY: the caller's promise; a static string.
    let state = unsafe { CStr::from_ptr(ffi::SSL_state_string(ssl)) };
    let (cert_verify, finished, error) = (c"TWCV", c"TWFIN", c"SSLERR");
    match kind {
        ossl::HANDSHAKE_START | ossl::HANDSHAKE_DONE => true,
        ossl::CONNECT_LOOP | ossl::CONNECT_EXIT => {
            state == cert_verify
                || state == finished
                || state == error
                // SAFETY: the caller's promise.
                || unsafe { ossl::SSL_get_state(ssl) } == ossl::STATE_OK
        }
        _ => kind & ossl::ALERT != 0 && value >> 8 == FATAL,
    }
}

/// Returns the info callback that OpenSSL would call if ours were not set: the previous one of the SSL or
/// that of the SSL_CTX. It does not return the callback that is set now, because if that one is not ours,
/// it has just called ours.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
unsafe fn next_callback(ssl: *mut ffi::SSL) -> Option<InfoCallback> {
    // SAFETY: the caller's promise.
    unsafe {
        record::previous_callback(ssl)
            .or_else(|| ossl::SSL_CTX_get_info_callback(ffi::SSL_get_SSL_CTX(ssl)))
            .filter(|callback| !is_our_callback(*callback))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::store::tests::store_key;
    use openssl::ssl::{Ssl, SslContext, SslMethod};
    use testkit::certificates::Identity;

    #[test]
    fn a_key_of_a_token_is_discarded_only_if_it_could_not_sign() {
        /// A fatal alert in the other direction, another one, and one that is not fatal.
        const OTHERS: [(c_int, c_int); 3] = [(0x4004, 0x250), (0x4008, 0x228), (0x4008, 0x150)];
        let identity = Identity::self_signed("a");
        let context = SslContext::builder(SslMethod::tls_client()).unwrap().build();
        let ssl = Ssl::new(&context).unwrap();
        let after = |kind, value| {
            let key = store_key(&identity);
            let (loaded, chain) = (LoadedKey::Store(key.clone()), Stack::new().unwrap());
            // SAFETY: a client's valid SSL, which no other thread uses.
            unsafe {
                begin(ssl.as_ptr()).unwrap();
                assert!(install(ssl.as_ptr(), &identity.certificate, loaded, &chain).is_ok());
                info_callback(ssl.as_ptr(), kind, value);
            }
            key.is_usable()
        };
        for (kind, value) in OTHERS {
            assert!(after(kind, value), "{kind:x} {value:x}");
        }
        assert!(!after(0x4008, 0x250));
    }

    #[test]
    fn the_key_is_discarded_and_removed_if_the_alert_is_reported_with_another_ssl() {
        let identity = Identity::self_signed("a");
        let context = SslContext::builder(SslMethod::tls_client()).unwrap().build();
        let (ssl, internal) = (Ssl::new(&context).unwrap(), Ssl::new(&context).unwrap());
        let key = store_key(&identity);
        let (loaded, chain) = (LoadedKey::Store(key.clone()), Stack::new().unwrap());
        // SAFETY: valid SSLs of a client, which no other thread uses, and valid objects.
        unsafe {
            begin(ssl.as_ptr()).unwrap();
            assert!(install(ssl.as_ptr(), &identity.certificate, loaded, &chain).is_ok());
            let (leaf, pkey) = (identity.certificate.as_ptr(), key.key().as_ptr());
            let ssl = internal.as_ptr();
            assert_eq!(ossl::SSL_use_cert_and_key(ssl, leaf, pkey, chain.as_ptr(), 1), 1);
            ossl::SSL_set_info_callback(ssl, Some(info_callback));
            info_callback(ssl, 0x4008, 0x250);
            assert!(ossl::SSL_get_certificate(ssl).is_null());
            assert!(ossl::SSL_get_info_callback(ssl).is_none());
        }
        assert!(!key.is_usable());
    }
}
