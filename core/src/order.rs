// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sorting by indices. One instance of the algorithm serves all types: each instance takes several KB.

use std::cmp::Ordering;

/// Returns the elements in the order of `compare`. Equal elements keep their order.
pub fn sorted<T>(elements: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let order = indices(elements.len(), &|a, b| match (elements.get(a), elements.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    });
    let mut elements: Vec<Option<T>> = elements.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| elements.get_mut(at)?.take()).collect()
}

#[inline(never)]
fn indices(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..count).collect();
    indices.sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_elements_keep_their_order() {
        let words: Vec<&str> =
            "one two three four five six seven eight nine ten".split(' ').collect();
        let by_length = sorted(words, |a, b| a.len().cmp(&b.len()));
        let expected = "one two six ten four five nine three seven eight";
        assert_eq!(by_length.join(" "), expected);
        assert_eq!(sorted(Vec::<u8>::new(), Ord::cmp), []);
    }
}
