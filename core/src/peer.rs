// SPDX-License-Identifier: MIT OR Apache-2.0
//! Host and user of a connection, as the program supplies them.

/// Host and user of a connection.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The host that the program connects to; `None` if unknown.
    pub host: Option<Box<[u8]>>,
    /// The user that the program connects as; `None` if unknown.
    pub user: Option<Box<[u8]>>,
}
