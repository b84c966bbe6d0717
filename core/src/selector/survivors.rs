// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials that the filter leaves.

/// A subset of the credentials of a selector, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survivors {
    /// All credentials; this is their number.
    All(usize),
    /// The credentials with these numbers, sorted.
    Some(Box<[u32]>),
}

impl Survivors {
    /// Returns the empty set.
    pub fn none() -> Survivors {
        Survivors::Some(Box::default())
    }

    /// Returns the number of survivors.
    pub fn len(&self) -> usize {
        match self {
            Survivors::All(count) => *count,
            Survivors::Some(numbers) => numbers.len(),
        }
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of the credential at a position in the set.
    pub fn credential(&self, position: usize) -> Option<usize> {
        match self {
            Survivors::All(count) => (position < *count).then_some(position),
            Survivors::Some(numbers) => usize::try_from(*numbers.get(position)?).ok(),
        }
    }

    /// Returns the position of a credential in the set.
    pub fn position(&self, credential: usize) -> Option<usize> {
        match self {
            Survivors::All(count) => (credential < *count).then_some(credential),
            Survivors::Some(numbers) => {
                numbers.binary_search(&u32::try_from(credential).ok()?).ok()
            }
        }
    }

    /// Returns the numbers of the credentials.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).filter_map(|position| self.credential(position))
    }

    /// Returns a hash of the set.
    pub fn hash(&self) -> u64 {
        match self {
            Survivors::All(count) => *count as u64,
            Survivors::Some(numbers) => {
                numbers.iter().fold(numbers.len() as u64, |hash, number| {
                    (hash.rotate_left(23) ^ u64::from(*number)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                })
            }
        }
    }

    /// Returns the approximate size in memory, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Survivors::All(_) => 0,
            Survivors::Some(numbers) => size_of_val(&**numbers),
        }
    }
}
