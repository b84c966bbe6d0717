// SPDX-License-Identifier: MIT OR Apache-2.0
//! The facts about a certificate that a report shows.

use crate::report::{Fact, Finding, Level, Subject, Value};
use crate::strength;
use certpick_core::text::printable;
use certpick_core::x509::facts::Epoch;
use certpick_core::x509::name;
use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::asn1::{Asn1Object, Asn1ObjectRef, Asn1StringRef, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKeyRef, Public};
use openssl::stack::Stack;
use openssl::x509::{GeneralNameRef, X509, X509Ref};
use openssl_sys as ffi;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// The current time and `--min-days`.
#[derive(Clone, Copy)]
pub struct Clock {
    /// Seconds since 1970.
    pub now: i64,
    pub min_days: Option<i64>,
}

impl Clock {
    pub fn new(min_days: Option<u32>) -> Clock {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Clock { now: i64::try_from(now).unwrap_or(i64::MAX), min_days: min_days.map(i64::from) }
    }
}

/// Returns a report subject with the facts about a certificate and no findings.
pub fn subject(certificate: &X509, now: i64) -> Subject {
    let mut subject = Subject::new("certificate", name::text(certificate.subject_name()));
    subject.facts = facts(certificate, now);
    subject
}

/// Returns all facts about a certificate.
pub fn facts(certificate: &X509, now: i64) -> Vec<Fact> {
    let fact = |key, label, value| Fact { key, label, value };
    let text = |key, label, text: String| Fact { key, label, value: text.into() };
    let is_self_issued = strength::is_self_issued(certificate);
    let mut facts = vec![
        text("subject", "subject", name::text(certificate.subject_name())),
        text("issuer", "issuer", name::text(certificate.issuer_name())),
        text("serial", "serial", serial(certificate)),
    ];
    let names = alternative_names(certificate);
    if !names.is_empty() {
        facts.push(fact("names", "names", names.into()));
    }
    let (not_before, not_after) = times(certificate);
    facts.extend(not_before.map(|t| fact("not_before", "not before", Value::Time(t))));
    facts.extend(not_after.map(|t| fact("not_after", "not after", Value::Time(t))));
    let days_left = not_after.map(|t| (t - now).div_euclid(DAY));
    facts.extend(days_left.map(|days| fact("days_left", "days left", Value::Number(days))));
    facts.push(text("key", "key", key(certificate)));
    facts.push(text("signature", "signature", signature(certificate)));
    let usages = [
        ("key_usage", "key usage", key_usage(certificate)),
        ("extended_key_usage", "ext. key usage", extended_key_usage(certificate)),
    ];
    facts.extend(usages.into_iter().filter_map(|(k, l, v)| v.map(|v| fact(k, l, v.into()))));
    facts.push(fact("is_ca", "CA", Value::Truth(crate::facts::is_ca(certificate))));
    facts.push(fact("self_signed", "self-issued", Value::Truth(is_self_issued)));
    if let Ok(digest) = certificate.digest(MessageDigest::sha256()) {
        facts.push(text("sha256", "SHA-256", hex(&digest)));
    }
    facts
}

/// Checks that a certificate is valid now and for at least `--min-days` more.
pub fn validity(certificate: &X509, clock: Clock) -> Finding {
    const KEY: &str = "validity";
    let Clock { now, min_days } = clock;
    let (Some(not_before), Some(not_after)) = times(certificate) else {
        return Finding::new(KEY, Level::Wrong, "the validity period cannot be parsed");
    };
    if now < not_before {
        let text =
            format!("not valid before {}, {} from now", date(not_before), span(not_before - now));
        return Finding::new(KEY, Level::Wrong, text)
            .advice("If it should be valid by now, check the clock of this machine.");
    }
    const RENEW: &str = "Get a new certificate from the CA.";
    if now > not_after {
        let text = format!("expired on {}, {} ago", date(not_after), span(now - not_after));
        return Finding::new(KEY, Level::Wrong, text).advice(RENEW);
    }
    let left = not_after - now;
    match min_days {
        Some(min_days) if left < min_days.saturating_mul(DAY) => {
            let text = format!(
                "expires in {}, on {}, and --min-days requires {min_days} days",
                span(left),
                date(not_after)
            );
            Finding::new(KEY, Level::Wrong, text).advice(RENEW)
        }
        _ => {
            let text = format!("valid until {}, {} from now", date(not_after), span(left));
            Finding::new(KEY, Level::Good, text)
        }
    }
}

/// Returns the date of a time in seconds since 1970, in UTC.
pub fn date(seconds: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(seconds);
    time.map_or_else(|_| format!("@{seconds}"), |t| t.date().to_string())
}

/// Returns a duration as text, rounded down.
pub fn span(seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..120 => (seconds.max(0), "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / DAY, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// Returns notBefore and notAfter in seconds since 1970; `None` for one that cannot be parsed.
pub fn times(certificate: &X509Ref) -> (Option<i64>, Option<i64>) {
    (seconds(certificate.not_before()), seconds(certificate.not_after()))
}

/// Returns a time in seconds since 1970; `None` if it cannot be parsed.
pub fn seconds(time: &Asn1TimeRef) -> Option<i64> {
    Epoch::new()?.seconds(time)
}

/// A subject alternative name (RFC 5280, section 4.2.1.6). An IA5String is given as bytes, because
/// OpenSSL does not check that it is ASCII.
pub enum AlternativeName<'a> {
    Dns(&'a [u8]),
    Address(&'a [u8]),
    Email(&'a [u8]),
    Uri(&'a [u8]),
    Other,
}

impl AlternativeName<'_> {
    pub fn of(name: &GeneralNameRef) -> AlternativeName<'_> {
        let name = name.as_ptr();
        // SAFETY: the name is valid, and names of the types below hold a string that lives as long.
        let bytes = || unsafe { Asn1StringRef::from_ptr((*name).d.cast()) }.as_slice();
        // SAFETY: the name is valid.
        match unsafe { (*name).type_ } {
            ffi::GEN_DNS => AlternativeName::Dns(bytes()),
            ffi::GEN_IPADD => AlternativeName::Address(bytes()),
            ffi::GEN_EMAIL => AlternativeName::Email(bytes()),
            ffi::GEN_URI => AlternativeName::Uri(bytes()),
            _ => AlternativeName::Other,
        }
    }
}

/// Returns the subject alternative names, each with its type.
pub fn alternative_names(certificate: &X509) -> Vec<String> {
    let shown = |name: &GeneralNameRef| match AlternativeName::of(name) {
        AlternativeName::Dns(name) => format!("DNS:{}", printable(name)),
        AlternativeName::Address(bytes) => match address(bytes) {
            Some(address) => format!("IP:{address}"),
            None => format!("IP:({} bytes)", bytes.len()),
        },
        AlternativeName::Email(name) => format!("email:{}", printable(name)),
        AlternativeName::Uri(name) => format!("URI:{}", printable(name)),
        AlternativeName::Other => "other name".to_owned(),
    };
    certificate.subject_alt_names().map_or_else(Vec::new, |names| names.iter().map(shown).collect())
}

/// Parses an iPAddress of 4 or 16 bytes.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

fn serial(certificate: &X509) -> String {
    let number = certificate.serial_number().to_bn().and_then(|n| n.to_hex_str());
    number.map_or_else(|_| "unreadable".to_owned(), |hex| hex.to_string())
}

/// Returns type and size of the public key: `RSA 2048`, `EC prime256v1`, `Ed25519`.
pub fn key(certificate: &X509) -> String {
    certificate.public_key().map_or_else(|_| "unreadable".to_owned(), |key| key_text(&key))
}

fn key_text(key: &PKeyRef<Public>) -> String {
    let bits = key.bits();
    match key.id() {
        Id::RSA => format!("RSA {bits}"),
        Id::RSA_PSS => format!("RSA-PSS {bits}"),
        Id::DSA => format!("DSA {bits}"),
        Id::ED25519 => "Ed25519".to_owned(),
        Id::ED448 => "Ed448".to_owned(),
        Id::EC => {
            let curve = key.ec_key().ok().and_then(|k| k.group().curve_name());
            let name = curve.and_then(|nid| nid.short_name().ok());
            name.map_or_else(|| format!("EC {bits}"), |name| format!("EC {name}"))
        }
        other => {
            let name = Nid::from_raw(other.as_raw()).short_name();
            name.map_or_else(|_| format!("{bits} bits"), str::to_owned)
        }
    }
}

/// Returns the bits of the extension; `None` if it is absent, which allows every usage.
fn key_usage(certificate: &X509) -> Option<Vec<String>> {
    const BITS: [(u32, &str); 9] = [
        (0x80, "digitalSignature"),
        (0x40, "nonRepudiation"),
        (0x20, "keyEncipherment"),
        (0x10, "dataEncipherment"),
        (0x08, "keyAgreement"),
        (0x04, "keyCertSign"),
        (0x02, "cRLSign"),
        (0x01, "encipherOnly"),
        (0x8000, "decipherOnly"),
    ];
    // SAFETY: the certificate is valid.
    let usage = unsafe { ffi::X509_get_key_usage(certificate.as_ptr()) };
    let is_set = |(bit, name): (u32, &str)| (usage & bit != 0).then(|| name.to_owned());
    (usage != u32::MAX).then(|| BITS.into_iter().filter_map(is_set).collect())
}

/// Returns the usages by OpenSSL's short names, or as OIDs.
fn extended_key_usage(certificate: &X509) -> Option<Vec<String>> {
    // SAFETY: the certificate is valid. The result is NULL or a stack of objects that we own.
    let uses: Stack<Asn1Object> = unsafe {
        let (none, all) = (std::ptr::null_mut(), std::ptr::null_mut());
        let nid = Nid::EXT_KEY_USAGE.as_raw();
        let uses = ffi::X509_get_ext_d2i(certificate.as_ptr(), nid, none, all);
        if uses.is_null() {
            // Clears the error that OpenSSL may have raised.
            let _ = openssl::error::ErrorStack::get();
            return None;
        }
        Stack::from_ptr(uses.cast())
    };
    let name = |object: &Asn1ObjectRef| match object.nid() {
        Nid::UNDEF => object.to_string(),
        nid => nid.short_name().map_or_else(|_| object.to_string(), str::to_owned),
    };
    Some(uses.iter().map(name).collect())
}

fn signature(certificate: &X509) -> String {
    let name = certificate.signature_algorithm().object().nid().long_name();
    name.map_or_else(|_| certificate.signature_algorithm().object().to_string(), str::to_owned)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
