// SPDX-License-Identifier: MIT OR Apache-2.0
//! Collects what is known about the server and the user of a handshake, for rules.

use super::libpq;
use crate::error::OutOfMemory;
use crate::ossl;
use crate::peer::Peer;
use crate::request::QUIC1;
use crate::rule::{NameOrigin, PortOrigin, Target};
use foreign_types::ForeignType;
use libc::c_int;
use openssl::x509::X509;
use openssl_sys as ffi;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Collects the target of a handshake. `peer` is the peer that the program has set. On a connection of
/// libpq, libpq's functions take its place.
///
/// # Safety
/// `ssl` is a client's valid SSL, inside its cert_cb or client_cert_cb.
pub unsafe fn read(ssl: *mut ffi::SSL, peer: &Peer) -> Result<Target, OutOfMemory> {
    let mut target = Target::default();
    // SAFETY: the caller's promise.
    unsafe {
        let directory = if libpq::is_connection(ssl) {
            add_libpq(ssl, peer, &mut target)
        } else {
            add_socket(&mut target, ossl::SSL_get_fd(ssl));
            target.port = target.port.map(|(port, _)| (port, PortOrigin::Socket));
            add_peer(&mut target, peer)
        };
        let server_name = ffi::SSL_get_servername(ssl, ffi::TLSEXT_NAMETYPE_host_name);
        if !server_name.is_null() {
            let server_name = CStr::from_ptr(server_name).to_bytes();
            // With `hostaddr`, libpq sends a socket directory as the server name.
            if directory.as_deref() != Some(server_name) {
                add_host(&mut target, server_name, NameOrigin::ServerName);
            }
        }
        add_verify_names(ssl, &mut target)?;
        target.is_verified = is_verified(ssl, &target)?;
    }
    Ok(target)
}

/// Returns the host if it is a socket directory.
///
/// # Safety
/// As for [`read`].
unsafe fn add_libpq(ssl: *mut ffi::SSL, peer: &Peer, target: &mut Target) -> Option<Box<[u8]>> {
    // SAFETY: the caller's promise.
    let Some(server) = (unsafe { libpq::server(ssl) }) else {
        // The patched libpq sets the peer. Without libpq's functions it is not known whether hostaddr
        // is set, too.
        target.is_host_overridden = true;
        return add_peer(target, peer);
    };
    target.user = server.user.map(|user| (user, NameOrigin::Libpq));
    target.is_host_overridden = server.has_host_and_hostaddr;
    // SAFETY: a file descriptor is only queried.
    unsafe { add_socket(target, server.socket.unwrap_or(-1)) };
    target.port = server.port.map(|port| (port, PortOrigin::Libpq));
    add_given_host(target, server.host, NameOrigin::Libpq)
}

/// Adds the peer that the program has set. An empty value is unknown. Returns the host if it is a
/// socket directory.
fn add_peer(target: &mut Target, peer: &Peer) -> Option<Box<[u8]>> {
    let user = peer.user.clone().filter(|user| !user.is_empty());
    target.user = user.map(|user| (user, NameOrigin::Program));
    add_given_host(target, peer.host.clone(), NameOrigin::Program)
}

/// Adds the host that the program gave, unless it is a socket directory, which is returned.
fn add_given_host(
    target: &mut Target,
    host: Option<Box<[u8]>>,
    origin: NameOrigin,
) -> Option<Box<[u8]>> {
    let host = host?;
    if matches!(host.first(), Some(b'/' | b'@')) {
        return Some(host);
    }
    add_host(target, &host, origin);
    None
}

/// Adds a host: an address literal or a name. An empty value is unknown.
fn add_host(target: &mut Target, host: &[u8], origin: NameOrigin) {
    if host.is_empty() {
        return;
    }
    // A name that is not text matches no pattern, but is known.
    let text = String::from_utf8_lossy(host);
    let literal = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match literal.unwrap_or(&text).parse::<IpAddr>() {
        Ok(address) => target.literals.push((address.to_canonical(), origin)),
        Err(_) => target.names.push((text.into_owned(), origin)),
    }
}

/// Adds the address and the port of a connected socket.
///
/// # Safety
/// None is needed: an invalid file descriptor is an error of getpeername(2).
unsafe fn add_socket(target: &mut Target, socket: c_int) {
    if socket < 0 {
        return;
    }
    let mut address = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: room for an address of any family, which is zero before.
    let address = unsafe {
        if libc::getpeername(socket, address.as_mut_ptr().cast(), &mut length) != 0 {
            return;
        }
        address.assume_init()
    };
    let pointer = std::ptr::from_ref(&address);
    let (ip, port) = match c_int::from(address.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says so, and the storage is large enough.
            let address = unsafe { &*pointer.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            (IpAddr::from(ip), u16::from_be(address.sin_port))
        }
        libc::AF_INET6 => {
            // SAFETY: likewise.
            let address = unsafe { &*pointer.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            (IpAddr::from(ip).to_canonical(), u16::from_be(address.sin6_port))
        }
        _ => return,
    };
    target.socket_address = Some(ip);
    target.port = Some((port, PortOrigin::Socket));
}

/// Adds the names and the address that the program has OpenSSL verify. OpenSSL 1.1.1 does not report
/// them. Without memory for the address, a rule could match by the other names alone.
///
/// # Safety
/// As for [`read`].
#[cfg(ossl3)]
unsafe fn add_verify_names(ssl: *mut ffi::SSL, target: &mut Target) -> Result<(), OutOfMemory> {
    // SAFETY: the caller's promise; the names belong to the parameters, the address is ours to free.
    unsafe {
        let parameters = ffi::SSL_get0_param(ssl);
        for number in 0.. {
            let name = ossl::X509_VERIFY_PARAM_get0_host(parameters, number);
            if name.is_null() {
                break;
            }
            add_host(target, CStr::from_ptr(name).to_bytes(), NameOrigin::VerifyName);
        }
        let address = ossl::retry_unless_out_of_memory(|| {
            let address = ossl::X509_VERIFY_PARAM_get1_ip_asc(parameters);
            (!address.is_null()).then_some(address)
        })?;
        if let Some(address) = address {
            add_host(target, CStr::from_ptr(address).to_bytes(), NameOrigin::VerifyName);
            ffi::OPENSSL_free(address.cast());
        }
    }
    Ok(())
}

#[cfg(not(ossl3))]
unsafe fn add_verify_names(_ssl: *mut ffi::SSL, _target: &mut Target) -> Result<(), OutOfMemory> {
    Ok(())
}

/// Returns whether the server is verified: OpenSSL verifies servers and found this one valid, the server
/// has proved possession of its key, and its certificate is valid for every name and address literal
/// that is known or, if there is none, for the address of the socket.
///
/// # Safety
/// As for [`read`].
unsafe fn is_verified(ssl: *mut ffi::SSL, target: &Target) -> Result<bool, OutOfMemory> {
    // SAFETY: the caller's promise.
    let (mode, result, certificate) = unsafe {
        let mode = ffi::SSL_get_verify_mode(ssl);
        (mode, ffi::SSL_get_verify_result(ssl), peer_certificate(ssl))
    };
    if mode & ffi::SSL_VERIFY_PEER == 0 || result != libc::c_long::from(ffi::X509_V_OK) {
        return Ok(false);
    }
    // SAFETY: the caller's promise.
    if !unsafe { has_proved_its_key(ssl) } {
        return Ok(false);
    }
    let Some(certificate) = certificate else { return Ok(false) };
    if target.names.is_empty() && target.literals.is_empty() {
        return match target.socket_address {
            Some(address) => is_valid_for_address(&certificate, address),
            None => Ok(false),
        };
    }
    for (name, _) in &target.names {
        if !is_valid_for_name(&certificate, name)? {
            return Ok(false);
        }
    }
    for (address, _) in &target.literals {
        if !is_valid_for_address(&certificate, *address)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns whether the server has signed the handshake, as in TLS 1.3 and with (EC)DHE. With static RSA
/// it proves possession of its key only after the client has sent its certificate.
///
/// # Safety
/// As for [`read`].
unsafe fn has_proved_its_key(ssl: *mut ffi::SSL) -> bool {
    const TLS1_3: c_int = 0x0304;
    /// NID_kx_ecdhe and NID_kx_dhe of openssl/obj_mac.h.
    const SIGNED: [c_int; 2] = [1038, 1039];
    // SAFETY: the caller's promise.
    unsafe {
        if matches!(ffi::SSL_version(ssl), TLS1_3 | QUIC1) {
            return true;
        }
        let pending = ossl::SSL_get_pending_cipher(ssl);
        let cipher = if pending.is_null() { ffi::SSL_get_current_cipher(ssl) } else { pending };
        !cipher.is_null() && SIGNED.contains(&ossl::SSL_CIPHER_get_kx_nid(cipher))
    }
}

/// Returns the server's certificate.
///
/// # Safety
/// As for [`read`].
unsafe fn peer_certificate(ssl: *const ffi::SSL) -> Option<X509> {
    // SAFETY: the caller's promise; the reference is ours.
    unsafe {
        #[cfg(ossl3)]
        let certificate = ffi::SSL_get1_peer_certificate(ssl);
        #[cfg(not(ossl3))]
        let certificate = ffi::SSL_get_peer_certificate(ssl);
        if certificate.is_null() { None } else { Some(X509::from_ptr(certificate)) }
    }
}

/// X509_check_host(3) without partial wildcards. A final dot is ignored; a name that begins with a dot
/// would match any subdomain and is refused.
fn is_valid_for_name(certificate: &X509, name: &str) -> Result<bool, OutOfMemory> {
    const NO_PARTIAL_WILDCARDS: libc::c_uint = 0x4;
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.starts_with('.') || name.contains('\0') {
        return Ok(false);
    }
    let check = || {
        // SAFETY: a valid certificate and a name of this length.
        let found = unsafe {
            ffi::X509_check_host(
                certificate.as_ptr(),
                name.as_ptr().cast(),
                name.len(),
                NO_PARTIAL_WILDCARDS,
                std::ptr::null_mut(),
            )
        };
        (found == 1).then_some(())
    };
    // If OpenSSL lacks memory for the subject alternative names, it compares the common name instead.
    // A second comparison rules that out.
    Ok(ossl::retry_unless_out_of_memory(check)?.is_some()
        && ossl::retry_unless_out_of_memory(check)?.is_some())
}

/// X509_check_ip(3).
fn is_valid_for_address(certificate: &X509, address: IpAddr) -> Result<bool, OutOfMemory> {
    let check = |bytes: &[u8]| {
        // SAFETY: a valid certificate and an address of this length.
        let found =
            unsafe { ffi::X509_check_ip(certificate.as_ptr(), bytes.as_ptr(), bytes.len(), 0) };
        (found == 1).then_some(())
    };
    let found = ossl::retry_unless_out_of_memory(|| match address {
        IpAddr::V4(address) => check(&address.octets()),
        IpAddr::V6(address) => check(&address.octets()),
    })?;
    Ok(found.is_some())
}
