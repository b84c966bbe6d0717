// SPDX-License-Identifier: MIT OR Apache-2.0
//! The choice for a CertificateRequest of TLS 1.2, compared with a naive one. Input: its body.

#![no_main]

use certpick_core::choice::Reasons;
use certpick_fuzz::client::World;
use libfuzzer_sys::fuzz_target;
use openssl::x509::{X509Name, X509NameRef};

/// Certificate types and names of a CertificateRequest (RFC 5246, section 7.4.4).
struct Request<'a> {
    types: &'a [u8],
    names: Vec<X509Name>,
}

fn take<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let length = rest.get(..width)?.iter().fold(0, |n, b| n << 8 | usize::from(*b));
    let taken = rest.get(width..width + length)?;
    *rest = &rest[width + length..];
    Some(taken)
}

fn parse(mut rest: &[u8]) -> Option<Request<'_>> {
    let types = take(&mut rest, 1)?;
    take(&mut rest, 2)?;
    let mut list = take(&mut rest, 2)?;
    let mut names = Vec::new();
    while !list.is_empty() {
        names.push(X509Name::from_der(take(&mut list, 2)?).ok()?);
    }
    Some(Request { types, names })
}

fn equal(a: &X509NameRef, b: &X509NameRef) -> bool {
    a.try_cmp(b).is_ok_and(|order| order.is_eq())
}

fuzz_target!(|data: &[u8]| {
    if data.len() > 0xffff {
        return;
    }
    let world = World::get();
    world.receive(&world.flight(data), |decision| {
        let Some(decision) = decision else { return };
        let request = parse(data).expect("a request that OpenSSL accepts");
        assert_eq!(decision.request().ca_names, request.names.len());
        for (at, issuers) in world.issuers.iter().enumerate() {
            let is_named = |issuer: &X509Name| request.names.iter().any(|name| equal(name, issuer));
            let is_excluded = !request.names.is_empty() && !issuers.iter().any(is_named);
            let verdict = decision.verdict(at);
            assert_eq!(verdict.contains(Reasons::ISSUER), is_excluded, "credential {at}");
            let wanted = if world.is_rsa[at] { 1 } else { 64 };
            let is_other = !request.types.is_empty() && !request.types.contains(&wanted);
            assert_eq!(verdict.contains(Reasons::CERTIFICATE_TYPE), is_other, "credential {at}");
        }
    });
});
