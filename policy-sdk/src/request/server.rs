//! Facts about the server.

use super::Facts;
use super::questions::questions;

/// The server that sent the authorization request.
#[derive(Clone, Copy, Debug)]
pub struct Server<'request> {
    pub(super) facts: &'request Facts,
}

impl Server<'_> {
    questions! { server:
        /// Returns the server's public nkey (`N…`), which is new at every start of the server.
        id -> String => [server_id("NAAA")] request.server().id(), "NAAA";
        /// Returns the server's configured name.
        name -> String => [server_name("east-1")] request.server().name(), "east-1";
        /// Returns the address that the server listens on.
        host -> String => [server_host("10.0.0.9")] request.server().host(), "10.0.0.9";
        /// Returns the server's version, for example `2.15.1`.
        version -> Option<String>
            => [server_version("2.15.1")] request.server().version().as_deref(), Some("2.15.1");
        /// Returns the cluster that the server belongs to.
        cluster -> Option<String>
            => [server_cluster("east")] request.server().cluster().as_deref(), Some("east");
        /// Returns the server's configured tags (`server_tags`).
        tags -> Vec<String> => [server_tags(["region:eu"])] request.server().tags(), ["region:eu"];
    }
}
