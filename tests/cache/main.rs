// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache: the objects that a second selector of the same files shares with the first one, and those
//! that it reads again. Two connections share a certificate or key if OpenSSL's objects have the same
//! address.

mod bounds;
mod directories;
mod files;
mod lists;
mod load;
mod options;
mod passwords;
mod permissions;
mod pkcs12_files;
mod rotation;
mod stamps;
