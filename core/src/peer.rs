// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server that a program connects to, as the program describes it.

/// Host and user of a connection.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The host that the program connects to.
    pub host: Option<Box<[u8]>>,
    /// The user that the program connects as.
    pub user: Option<Box<[u8]>>,
}
