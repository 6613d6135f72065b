//! Orders to one server: reload, disconnect a client, ask a client to leave.

use portcullis_connect::Nats;
use serde::Serialize;

use crate::client::SystemClient;
use crate::error::SystemError;
use crate::server::ServerId;
use crate::subject;

/// An order without content.
#[derive(Serialize)]
struct Reload {}

/// An order about one connection.
#[derive(Serialize)]
struct Connection {
    cid: u64,
}

impl<N: Nats> SystemClient<N> {
    /// Has a server read its configuration again.
    ///
    /// The server disconnects the clients that auth callout has admitted, also if its configuration
    /// has not changed. They can log in again.
    ///
    /// # Errors
    ///
    /// Fails if the configuration is wrong. The server then continues with the old one.
    pub async fn reload(&self, server: &ServerId) -> Result<(), SystemError> {
        self.order(subject::of_server(server, "RELOAD"), &Reload {})
            .await
    }

    /// Has a server close the connection `cid` of a client or leafnode. The client may log in again
    /// at once.
    ///
    /// # Errors
    ///
    /// Fails if the server has no such connection.
    pub async fn kick(&self, server: &ServerId, cid: u64) -> Result<(), SystemError> {
        self.order(subject::of_server(server, "KICK"), &Connection { cid })
            .await
    }

    /// Has a server tell the client of the connection `cid` that it enters lame duck mode, so that
    /// the client moves to another server. The connection stays open until the client closes it.
    ///
    /// # Errors
    ///
    /// Fails if the server has no such connection.
    pub async fn lame_duck(&self, server: &ServerId, cid: u64) -> Result<(), SystemError> {
        self.order(subject::of_server(server, "LDM"), &Connection { cid })
            .await
    }
}
