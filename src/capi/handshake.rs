// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of the handshake: attaching, selecting, and asking what happened.

use super::*;
use certpick_core::decision::Outcome;
use certpick_core::{Peer, hook};
use openssl_sys::{SSL, SSL_CTX};
use std::sync::Arc;

const NULL_CTX: Error = Error::Argument("the SSL_CTX is NULL");
const NULL_SSL: Error = Error::Argument("the SSL is NULL");

/// Attaches a selector to a client's SSL_CTX by SSL_CTX_set_client_cert_cb(3): from the next
/// handshake on, the credential that suits the server's request is sent, with its intermediates,
/// or none. It works for SSLs that exist already, and leaves the program's own cert_cb alone. A
/// certificate that the program has set itself comes first: then OpenSSL does not call certpick.
///
/// The certificate is removed from the SSL as soon as the client has signed with it, so that a
/// request after the handshake (RFC 8446, section 4.6.2), or an SSL that is cleared, copied or used
/// again, is answered anew. Between the request and that moment the SSL has an info callback of
/// certpick's (SSL_set_info_callback(3)), which calls the one that was set before and restores it;
/// the program must not replace it meanwhile, also where it gives the handshake up, unless it frees the
/// SSL. SSLs that share their certificates by SSL_copy_session_id(3) must not be in a handshake at the
/// same time.
///
/// The SSL_CTX takes a reference and the selector is frozen; frozen it stays even if there is no
/// memory to attach it. No handshake may be under way on the SSL_CTX in another thread. A selector
/// that was attached before is replaced. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_attach(
    ctx: *mut SSL_CTX,
    selector: *mut certpick_selector,
) -> certpick_status {
    // SAFETY: NULL or valid objects.
    unsafe {
        with_selector(selector, |selector| {
            if ctx.is_null() {
                return Err(NULL_CTX);
            }
            hook::attach_client_cert_cb(ctx, Arc::clone(selector.freeze()?))
        })
    }
}

/// Like certpick_attach(), but by SSL_CTX_set_cert_cb(3), so that it runs for every
/// CertificateRequest also where the program has set a certificate itself, which is then not sent.
/// SSLs that exist already are not reached, since they have a copy of the callback. The SSL_CTX's
/// client_cert_cb is removed (since 0.1.1), so that OpenSSL does not call it where none suits. Since
/// 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_attach_cert_cb(
    ctx: *mut SSL_CTX,
    selector: *mut certpick_selector,
) -> certpick_status {
    // SAFETY: NULL or valid objects.
    unsafe {
        with_selector(selector, |selector| {
            if ctx.is_null() {
                return Err(NULL_CTX);
            }
            hook::attach_cert_cb(ctx, Arc::clone(selector.freeze()?))
        })
    }
}

/// Selects now, for a program that has a cert_cb of its own and calls this in it. Whatever
/// certificate is set on the SSL is removed until the client has signed, as with
/// certpick_attach_cert_cb(). CERTPICK_OK if a credential was set, and also
/// if none suits (certpick_outcome() tells); otherwise the program's callback should return 0, which
/// aborts the handshake. Freezes the selector, which must live until the callback has returned.
/// Since 0.1.0.
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

/// Tells what the program knows of the other side, before the handshake: the host that it connects
/// to and the user that it connects as; each may be NULL and is copied. Among credentials that are
/// equal otherwise, one whose common name is the user comes first, since PostgreSQL's cert
/// authentication compares the two. Since 0.1.0.
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

/// Returns the outcome of the most recent CertificateRequest that certpick has answered in this SSL's
/// current handshake or, where none is under way, its last one: one of the CERTPICK_OUTCOME_ values.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_outcome(ssl: *const SSL) -> i32 {
    // SAFETY: NULL or a valid SSL.
    let outcome = guard(|| unsafe {
        if ssl.is_null() { None } else { hook::decision(ssl).map(|d| d.outcome()) }
    });
    outcome.flatten().unwrap_or(Outcome::NotAsked) as i32
}

/// One line for a person where no certificate was sent, or why the handshake was aborted; "" where
/// there is nothing to say, never NULL. It belongs to the SSL and is good until its next handshake
/// or request; if it was read in a callback, until the handshake goes on. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_message(ssl: *const SSL) -> *const c_char {
    // SAFETY: NULL or a valid SSL.
    let text = guard(|| unsafe { if ssl.is_null() { None } else { hook::message(ssl) } });
    text.flatten().unwrap_or(c"".as_ptr())
}

/// Several lines for a person: what the server asked for, each credential, and why it was or was
/// not sent; "" where the server has not asked, never NULL. Credentials that the server's CA names ruled
/// out are judged when this or certpick_verdict() is first called, by the security level that the SSL
/// has then (since 0.1.1). It belongs to the SSL and is good until
/// its next handshake or request; if it was read in a callback, until the handshake goes on. It names files and certificates, and never a password. Since
/// 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_explanation(ssl: *const SSL) -> *const c_char {
    // SAFETY: NULL or a valid SSL.
    let text = guard(|| unsafe { if ssl.is_null() { None } else { hook::explanation(ssl) } });
    text.flatten().unwrap_or(c"".as_ptr())
}

/// The index of the credential that was sent, counted from 0 in the order in which they were added;
/// SIZE_MAX if none was. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_choice(ssl: *const SSL) -> usize {
    // SAFETY: NULL or a valid SSL.
    let choice = guard(|| unsafe {
        if ssl.is_null() { None } else { hook::decision(ssl).and_then(|d| d.choice()) }
    });
    choice.flatten().unwrap_or(usize::MAX)
}

/// What speaks against credential index for the server's last request on this SSL:
/// CERTPICK_REASON_ bits, 0 if nothing does, the server has not asked, or there is no such
/// credential. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_verdict(ssl: *const SSL, index: usize) -> u32 {
    // SAFETY: NULL or a valid SSL.
    let verdict = guard(|| unsafe {
        if ssl.is_null() { None } else { hook::whole_decision(ssl).map(|d| d.verdict(index).0) }
    });
    verdict.flatten().unwrap_or(0)
}
