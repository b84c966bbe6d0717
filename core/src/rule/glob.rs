// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wildcards.

/// Returns whether a text matches a pattern, in which `*` stands for any bytes, also none, and `?`
/// for one byte.
///
/// After a byte that differs, the last `*` takes one byte more, and the comparison continues after
/// it. An earlier `*` needs no second try, because the bytes between the two were found at the
/// first possible place. The number of steps is at most the product of the lengths, which is
/// linear in the text, since a pattern has at most [`MAX_PATTERN`](super::MAX_PATTERN) bytes.
pub fn matches(pattern: &[u8], text: &[u8], is_equal: impl Fn(u8, u8) -> bool) -> bool {
    let (mut at, mut found) = (0, 0);
    // After the last `*`: the positions in the pattern and in the text.
    let mut retry = None;
    loop {
        match (pattern.get(at), text.get(found)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                at += 1;
                retry = Some((at, found));
            }
            (Some(_), None) => return false,
            (Some(a), Some(b)) if *a == b'?' || is_equal(*a, *b) => {
                at += 1;
                found += 1;
            }
            (_, Some(_)) => {
                let Some((after, start)) = retry else { return false };
                (at, found) = (after, start + 1);
                retry = Some((at, found));
            }
        }
    }
}
