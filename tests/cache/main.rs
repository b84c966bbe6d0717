// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a second selector over the same files is given, and what it is not.
//!
//! Whether something came from the cache is seen by its address: OpenSSL's objects in two
//! connections are the same object.

#[allow(dead_code)] // for other tests
#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod files;
mod lists;
mod load;
mod options;
mod passwords;
mod permissions;
mod rotation;
mod stamps;
