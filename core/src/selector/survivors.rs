// SPDX-License-Identifier: MIT OR Apache-2.0
//! Some of the credentials of a selector.

/// Credentials by their numbers, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survivors {
    /// All, of which there are so many.
    All(usize),
    /// These.
    Some(Box<[u32]>),
}

impl Survivors {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Survivors::All(count) => *count,
            Survivors::Some(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the credential at this place among them.
    pub fn credential(&self, at: usize) -> Option<usize> {
        match self {
            Survivors::All(count) => (at < *count).then_some(at),
            Survivors::Some(numbers) => usize::try_from(*numbers.get(at)?).ok(),
        }
    }

    /// The place of a credential among them.
    pub fn place(&self, credential: usize) -> Option<usize> {
        match self {
            Survivors::All(count) => (credential < *count).then_some(credential),
            Survivors::Some(numbers) => {
                numbers.binary_search(&u32::try_from(credential).ok()?).ok()
            }
        }
    }

    /// Their numbers.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).filter_map(|at| self.credential(at))
    }

    /// A hash of them.
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

    /// How much memory they take, about.
    pub fn bytes(&self) -> usize {
        match self {
            Survivors::All(_) => 0,
            Survivors::Some(numbers) => size_of_val(&**numbers),
        }
    }
}
