// SPDX-License-Identifier: MIT OR Apache-2.0
//! The texts about dates in an explanation.

use crate::x509::facts::Epoch;
use openssl::x509::X509;

/// Returns a duration in its largest unit: days, hours or minutes.
pub fn duration(seconds: i64) -> String {
    match seconds / 86_400 {
        0 if seconds < 7200 => format!("{} minutes", seconds / 60),
        0 => format!("{} hours", seconds / 3600),
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    }
}

/// Returns the validity of a certificate and, unless it has expired, the time that is left. `now` is in seconds
/// since 1970.
pub fn validity(leaf: &X509, now: i64) -> String {
    let (not_before, not_after) = (leaf.not_before(), leaf.not_after());
    let seconds = |time| Epoch::new().and_then(|epoch| epoch.seconds(time));
    match (seconds(not_before), seconds(not_after)) {
        (Some(_), Some(end)) if end >= now => {
            format!("{not_before} to {not_after}, {} left", duration(end - now))
        }
        (Some(_), Some(_)) => format!("{not_before} to {not_after}"),
        _ => "at no time, because the dates cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::certificates::{Identity, Subject};

    #[test]
    fn dates_that_cannot_be_read_are_named_as_the_reason() {
        let leaf = Identity::self_signed(
            Subject::new("a").valid_between("20200131000000Z", "20300131000000Z"),
        );
        let readable = leaf.certificate.to_der().unwrap();
        assert_eq!(
            validity(&leaf.certificate, 1_896_048_000 - 16 * 86_400),
            "Jan 31 00:00:00 2020 GMT to Jan 31 00:00:00 2030 GMT, 16 days left"
        );
        for (from, to) in [(b"200131", b"201331"), (b"300131", b"300231")] {
            let at = readable.windows(6).position(|part| part == from).unwrap();
            let mut der = readable.clone();
            der[at..at + 6].copy_from_slice(to);
            let text = validity(&X509::from_der(&der).unwrap(), 0);
            assert_eq!(text, "at no time, because the dates cannot be read");
        }
    }
}
