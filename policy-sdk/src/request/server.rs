//! Facts about the server.

use super::{Facts, questions};

/// The server that sent the authorization request.
#[derive(Clone, Copy, Debug)]
pub struct Server<'request> {
    pub(super) facts: &'request Facts,
}

impl Server<'_> {
    questions! { server:
        /// Returns the server's public nkey (`N…`), which is new at every start of the server.
        id -> String;
        /// Returns the server's configured name.
        name -> String;
        /// Returns the address that the server listens on.
        host -> String;
        /// Returns the server's version, for example `2.15.1`.
        version -> Option<String>;
        /// Returns the cluster that the server belongs to.
        cluster -> Option<String>;
        /// Returns the server's configured tags (`server_tags`).
        tags -> Vec<String>;
    }
}
