//! `portcullis system`: shows the events of NATS servers, asks servers about themselves and their
//! connections, and orders them to reload, profile or disconnect.

mod clients;
mod common;
pub(crate) mod connection;
mod connections;
mod events;
mod find;
mod orders;
mod servers;
pub(crate) mod table;

use clap::Subcommand;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Print;
use crate::runtime::one_thread;
use clients::{ClientArguments, Order};
use common::ServersArguments;
use connections::ConnectionsArguments;
use events::EventsArguments;
use orders::{ProfileArguments, ReloadArguments};

pub(crate) use common::{GatheringArguments, failed};
pub(crate) use find::{NamedServer, at_server, find_all, names, to_json};

/// The commands for the servers of a system.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum SystemVerb {
    /// Print each event of the servers, until the command is stopped: connects, disconnects,
    /// refused logins, connections of accounts, statistics, lame duck mode and shutdown.
    Events(EventsArguments),
    /// Ask every server for an answer, and print how long it took.
    Ping(ServersArguments),
    /// Print the release, the load and the age of each server.
    Servers(ServersArguments),
    /// Print the connections of all servers, or of one.
    Connections(ConnectionsArguments),
    /// Write a profile of a server's process to a file.
    Profile(ProfileArguments),
    /// Have servers read their configuration again. They disconnect the clients that auth callout
    /// has admitted.
    Reload(ReloadArguments),
    /// Close connections of clients. A client may log in again at once.
    Kick(ClientArguments),
    /// Tell clients that their server enters lame duck mode, so that they move to another server.
    Ldm(ClientArguments),
}

/// Runs a command, which prints with `print`.
///
/// # Errors
///
/// Fails if no connection is made, if no server answers, or if a server answers with an error.
pub(crate) fn run(verb: SystemVerb, print: Print) -> Result<ExitCode, Failure> {
    let runtime = one_thread()?;
    runtime.block_on(async {
        match verb {
            SystemVerb::Events(arguments) => events::run(arguments, print).await,
            SystemVerb::Ping(arguments) => servers::ping(arguments, print).await,
            SystemVerb::Servers(arguments) => servers::servers(arguments, print).await,
            SystemVerb::Connections(arguments) => connections::run(arguments, print).await,
            SystemVerb::Profile(arguments) => orders::profile(arguments, print).await,
            SystemVerb::Reload(arguments) => orders::reload(arguments, print).await,
            SystemVerb::Kick(arguments) => clients::run(arguments, Order::Kick, print).await,
            SystemVerb::Ldm(arguments) => clients::run(arguments, Order::LameDuck, print).await,
        }
    })
}
