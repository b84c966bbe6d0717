// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes in memory: the server's request, and the certificates that the server receives.

mod algorithms;
mod broken_keys;
mod explanation;
mod flaws;
mod keys;
mod many;
mod names;
mod oracle;
mod outcomes;
mod rank;
mod requests;
mod secrets;
mod security_level;
mod sent;
