//! The server.

use super::{Facts, questions};

/// The server that asks.
#[derive(Clone, Copy, Debug)]
pub struct Server<'request> {
    pub(super) facts: &'request Facts,
}

impl Server<'_> {
    questions! { server:
        /// The server's public nkey (`N…`), new at every start of the server.
        id -> String;
        /// The server's configured name.
        name -> String;
        /// The address the server listens on.
        host -> String;
        /// The server's version, for example `2.15.1`.
        version -> Option<String>;
        /// The cluster the server belongs to.
        cluster -> Option<String>;
        /// The server's configured tags (`server_tags`).
        tags -> Vec<String>;
    }
}
