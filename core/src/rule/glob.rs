// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wildcards.

/// Returns whether a text matches a pattern, in which `*` stands for any bytes, also none, and `?`
/// for one byte. A wildcard matches only bytes for which `is_wild` is true.
///
/// The text must end with what follows the last `*`. This end is compared first, because most
/// patterns are `*.domain`. In the rest, after a byte that differs, the last `*` takes one byte
/// more, and the comparison continues after it. An earlier `*` needs no second try, because the
/// bytes between the two were found at the first possible place. The number of steps is at most
/// the product of the lengths, which is linear in the text, since a pattern has at most
/// [`MAX_PATTERN`](super::MAX_PATTERN) bytes.
pub fn matches(
    pattern: &[u8],
    text: &[u8],
    is_equal: impl Fn(u8, u8) -> bool,
    is_wild: impl Fn(u8) -> bool,
) -> bool {
    let is_match = |a: u8, b: u8| is_equal(a, b) || a == b'?' && is_wild(b);
    let (mut pattern, mut text) = (pattern, text);
    while let ([pattern_rest @ .., a], [text_rest @ .., b]) = (pattern, text) {
        if *a == b'*' {
            break;
        } else if !is_match(*a, *b) {
            return false;
        }
        (pattern, text) = (pattern_rest, text_rest);
    }
    let (mut at, mut found) = (0, 0);
    // After the last `*`: the positions in the pattern and in the text.
    let mut retry = None;
    loop {
        match (pattern.get(at), text.get(found)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                at += 1;
                if at == pattern.len() {
                    return text.iter().skip(found).all(|byte| is_wild(*byte));
                }
                retry = Some((at, found));
            }
            (Some(_), None) => return false,
            (Some(a), Some(b)) if is_match(*a, *b) => {
                at += 1;
                found += 1;
            }
            (_, Some(_)) => {
                let Some((after, start)) = retry else { return false };
                if !text.get(start).is_some_and(|byte| is_wild(*byte)) {
                    return false;
                }
                (at, found) = (after, start + 1);
                retry = Some((at, found));
            }
        }
    }
}
