// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attaching.
//!
//! certpick is called when the server's CertificateRequest has been read. The certificate that it
//! sets is on the SSL only until the client has signed with it. Then certpick removes it and
//! restores what the program had set, so that every request is a new choice: also one after the
//! handshake (RFC 8446, section 4.6.2), or on an SSL that was cleared, copied or reused.
//!
//! In between, the SSL has an info callback of certpick's (SSL_set_info_callback(3)), which calls
//! the one that was set before. The program must not replace it in this time. If the program
//! abandons the handshake, it must leave the callback in place or free the SSL. SSLs that share
//! certificates by SSL_copy_session_id(3) must not be in a handshake at the same time.

use super::*;
use certpick_core::{FrozenSelector, Peer, hook};
use openssl_sys::{SSL, SSL_CTX};
use std::sync::Arc;

const NULL_CTX: Error = Error::Argument("the SSL_CTX is NULL");
const NULL_SSL: Error = Error::Argument("the SSL is NULL");

/// Attaches a selector, which is frozen, by a function of `hook`.
///
/// # Safety
/// The pointers are NULL or valid, and no other thread performs a handshake on the SSL_CTX.
unsafe fn attach(
    ctx: *mut SSL_CTX,
    selector: *mut certpick_selector,
    by: unsafe fn(*mut SSL_CTX, Arc<FrozenSelector>) -> Result<(), Error>,
) -> certpick_status {
    // SAFETY: the caller's promise.
    unsafe {
        with_selector(selector, |selector| {
            if ctx.is_null() {
                return Err(NULL_CTX);
            }
            by(ctx, Arc::clone(selector.freeze()?))
        })
    }
}

/// Attaches a selector to a client's SSL_CTX by SSL_CTX_set_client_cert_cb(3). Later handshakes of
/// the SSL_CTX, including those of existing SSLs, use the selector. The program's cert_cb keeps
/// working; if the program has set a certificate itself, that certificate is sent and certpick is
/// not called.
///
/// The SSL_CTX takes a reference. A selector that was attached before is replaced. The selector is
/// frozen, even if the function then fails for lack of memory. No other thread may perform a
/// handshake on the SSL_CTX during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_attach(
    ctx: *mut SSL_CTX,
    selector: *mut certpick_selector,
) -> certpick_status {
    // SAFETY: NULL or valid objects.
    unsafe { attach(ctx, selector, hook::attach_client_cert_cb) }
}

/// Like certpick_attach(), but by SSL_CTX_set_cert_cb(3), so that certpick is called even if the
/// program has set a certificate. That certificate is then not sent. Only SSLs that are created
/// later use the selector. The client_cert_cb of the SSL_CTX is removed (since 0.1.1), so that
/// OpenSSL does not call it if no credential suits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_attach_cert_cb(
    ctx: *mut SSL_CTX,
    selector: *mut certpick_selector,
) -> certpick_status {
    // SAFETY: NULL or valid objects.
    unsafe { attach(ctx, selector, hook::attach_cert_cb) }
}

/// Chooses a credential for this SSL. A program calls this function in its own cert_cb, and returns
/// 1 if the result is CERTPICK_OK, otherwise 0, which aborts the handshake. The result is also
/// CERTPICK_OK if no credential suits; see certpick_outcome(). A certificate that is set on the SSL
/// is not sent. The selector is frozen, and must live until the callback returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_select(
    ssl: *mut SSL,
    selector: *mut certpick_selector,
) -> certpick_status {
    // SAFETY: NULL or valid objects.
    unsafe {
        with_selector(selector, |selector| {
            if ssl.is_null() {
                return Err(NULL_SSL);
            }
            hook::select(ssl, selector.freeze()?)
        })
    }
}

/// Sets the host that the program connects to and the user that it connects as, before the
/// handshake. Both are copied; NULL means unknown. SSL_clear(3) keeps both, so a program that uses the
/// SSL for another server sets them again. Among credentials that are equal otherwise, one whose
/// common name is the user ranks first, because PostgreSQL's cert authentication compares the two.
/// Rules are compared with both (since 0.1.1; see certpick_selector_set_rule()). A host that begins
/// with "/" or "@" is the name of a Unix-domain socket, with which no rule is compared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_set_peer(
    ssl: *mut SSL,
    host: *const c_char,
    user: *const c_char,
) -> certpick_status {
    status(|| {
        if ssl.is_null() {
            return Err(NULL_SSL);
        }
        // SAFETY: a valid SSL; NULL or C strings.
        unsafe {
            let peer =
                Peer { host: bytes(host).map(Into::into), user: bytes(user).map(Into::into) };
            hook::set_peer(ssl, peer)
        }
    })
}
