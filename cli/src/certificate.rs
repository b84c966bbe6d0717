// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a certificate says, for a report.

use crate::report::{Fact, Finding, Level, Subject, Value};
use crate::strength;
use certpick_core::text::printable;
use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::asn1::{Asn1Object, Asn1ObjectRef, Asn1StringRef, Asn1Time, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKeyRef, Public};
use openssl::stack::Stack;
use openssl::x509::{GeneralNameRef, X509, X509NameRef, X509Ref};
use openssl_sys as ffi;
use std::net::IpAddr;

const DAY: i64 = 86_400;

/// A certificate as a subject of a report, with all its facts; what is judged is added by the
/// caller.
pub fn subject(certificate: &X509, now: i64) -> Subject {
    let mut subject = Subject::new("certificate", name(certificate.subject_name()));
    subject.facts = describe(certificate, now);
    subject
}

/// All facts about a certificate.
pub fn describe(certificate: &X509, now: i64) -> Vec<Fact> {
    let fact = |key, label, value| Fact { key, label, value };
    let text = |key, label, text: String| Fact { key, label, value: text.into() };
    let own = strength::is_self_issued(certificate);
    let mut facts = vec![
        text("subject", "subject", name(certificate.subject_name())),
        text("issuer", "issuer", name(certificate.issuer_name())),
        text("serial", "serial", serial(certificate)),
    ];
    let names = alternative_names(certificate);
    if !names.is_empty() {
        facts.push(fact("names", "names", names.into()));
    }
    let (not_before, not_after) = times(certificate);
    facts.extend(not_before.map(|t| fact("not_before", "not before", Value::Time(t))));
    facts.extend(not_after.map(|t| fact("not_after", "not after", Value::Time(t))));
    let left = not_after.map(|t| (t - now).div_euclid(DAY));
    facts.extend(left.map(|days| fact("days_left", "days left", Value::Number(days))));
    facts.push(text("key", "key", key(certificate)));
    facts.push(text("signature", "signature", signature(certificate)));
    let usages = [
        ("key_usage", "key usage", key_usage(certificate)),
        ("extended_key_usage", "ext. usage", extended_key_usage(certificate)),
    ];
    facts.extend(usages.into_iter().filter_map(|(k, l, v)| v.map(|v| fact(k, l, v.into()))));
    facts.push(fact("is_ca", "CA", Value::Truth(crate::inspect::is_ca(certificate))));
    facts.push(fact("self_signed", "own issuer", Value::Truth(own)));
    if let Ok(digest) = certificate.digest(MessageDigest::sha256()) {
        facts.push(text("sha256", "SHA-256", hex(&digest)));
    }
    facts
}

/// Whether it is valid, and will be for `min_days` more.
pub fn validity(certificate: &X509, now: i64, min_days: Option<i64>) -> Finding {
    const KEY: &str = "validity";
    let (Some(not_before), Some(not_after)) = times(certificate) else {
        return Finding::new(KEY, Level::Wrong, "its validity cannot be read");
    };
    if now < not_before {
        let text = format!(
            "not valid before {}, which is {} from now",
            date(not_before),
            span(not_before - now)
        );
        return Finding::new(KEY, Level::Wrong, text)
            .advice("if it should be valid by now, look at this machine's clock");
    }
    if now > not_after {
        let text = format!("expired on {}, {} ago", date(not_after), span(now - not_after));
        return Finding::new(KEY, Level::Wrong, text).advice("get a new certificate from its CA");
    }
    let left = not_after - now;
    match min_days {
        Some(wanted) if left < wanted.saturating_mul(DAY) => {
            let text = format!(
                "expires in {}, on {}; {wanted} days are asked for",
                span(left),
                date(not_after)
            );
            Finding::new(KEY, Level::Wrong, text).advice("get a new certificate from its CA")
        }
        _ => {
            let text = format!("valid until {}, {} from now", date(not_after), span(left));
            Finding::new(KEY, Level::Good, text)
        }
    }
}

/// A name as the library shows it.
pub fn name(name: &X509NameRef) -> String {
    crate::inspect::name_text(name)
}

/// The day of a moment, in UTC.
pub fn date(seconds: i64) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds);
    moment.map_or_else(|_| format!("@{seconds}"), |m| m.date().to_string())
}

/// A length of time in words, rounded down.
pub fn span(seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..120 => (seconds.max(0), "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / DAY, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// notBefore and notAfter in seconds since 1970; `None` for one that cannot be read.
pub fn times(certificate: &X509Ref) -> (Option<i64>, Option<i64>) {
    let epoch = Asn1Time::from_unix(0).ok();
    let seconds = |time: &Asn1TimeRef| {
        let since = epoch.as_ref()?.diff(time).ok()?;
        Some(i64::from(since.days) * DAY + i64::from(since.secs))
    };
    (seconds(certificate.not_before()), seconds(certificate.not_after()))
}

/// A name among the alternative ones of a subject (RFC 5280, section 4.2.1.6). What should be an
/// IA5String is given as its bytes, since OpenSSL does not look at them.
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
        // SAFETY: a valid name. Those of these types are strings, which live as long as it does.
        let bytes = || unsafe { Asn1StringRef::from_ptr((*name).d.cast()) }.as_slice();
        // SAFETY: likewise.
        match unsafe { (*name).type_ } {
            ffi::GEN_DNS => AlternativeName::Dns(bytes()),
            ffi::GEN_IPADD => AlternativeName::Address(bytes()),
            ffi::GEN_EMAIL => AlternativeName::Email(bytes()),
            ffi::GEN_URI => AlternativeName::Uri(bytes()),
            _ => AlternativeName::Other,
        }
    }
}

/// The names that the certificate is for, each with its kind.
pub fn alternative_names(certificate: &X509) -> Vec<String> {
    let shown = |name: &GeneralNameRef| match AlternativeName::of(name) {
        AlternativeName::Dns(name) => format!("DNS:{}", printable(name)),
        AlternativeName::Address(bytes) => match address(bytes) {
            Some(address) => format!("IP:{address}"),
            None => format!("IP:({} bytes)", bytes.len()),
        },
        AlternativeName::Email(name) => format!("email:{}", printable(name)),
        AlternativeName::Uri(name) => format!("URI:{}", printable(name)),
        AlternativeName::Other => "another kind of name".to_owned(),
    };
    certificate.subject_alt_names().map_or_else(Vec::new, |names| names.iter().map(shown).collect())
}

/// An iPAddress of 4 or 16 bytes.
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

/// The public key in a few words: `RSA 2048`, `EC prime256v1`, `ED25519`.
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

/// The bits of the extension; `None` where there is none, so that all is allowed.
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
    // SAFETY: a valid certificate.
    let usage = unsafe { ffi::X509_get_key_usage(certificate.as_ptr()) };
    let is_set = |(bit, name): (u32, &str)| (usage & bit != 0).then(|| name.to_owned());
    (usage != u32::MAX).then(|| BITS.into_iter().filter_map(is_set).collect())
}

/// By the names that OpenSSL has, or as numbers.
fn extended_key_usage(certificate: &X509) -> Option<Vec<String>> {
    // SAFETY: a valid certificate. What comes, if it is there and sound, is a stack of objects and
    // ours.
    let uses: Stack<Asn1Object> = unsafe {
        let (none, all) = (std::ptr::null_mut(), std::ptr::null_mut());
        let nid = Nid::EXT_KEY_USAGE.as_raw();
        let uses = ffi::X509_get_ext_d2i(certificate.as_ptr(), nid, none, all);
        if uses.is_null() {
            // It may have left an error.
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
