//! `portcullis system kick` and `ldm`: orders about connections.

use clap::Args;
use portcullis_connect::Nats;
use portcullis_system::{SystemClient, SystemError};
use portcullis_toml::text::one_line;
use serde_json::json;

use super::common::{Common, GatheringArguments, connect};
use super::connections::ConnectionFilter;
use super::find::{AllServers, NamedServer, at_server, find_all, find_servers, names, to_json};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Print;

/// The arguments of `portcullis system kick` and `ldm`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct ClientArguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    gathering: GatheringArguments,
    /// The name or the id of the server. Default: all, with `--of-user`.
    #[arg(value_name = "SERVER", required_unless_present = "of_user")]
    of: Option<String>,
    /// The number of the connection, which `portcullis system connections` shows.
    #[arg(value_name = "CID", required_unless_present = "of_user", conflicts_with_all = ["of_user", "account"])]
    cid: Option<u64>,
    #[command(flatten)]
    filter: ConnectionFilter,
}

/// An order about one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The server closes the connection.
    Kick,
    /// The server asks the client to move to another server.
    LameDuck,
}

/// A connection of a client.
struct Target {
    server: NamedServer,
    cid: u64,
}

/// Gives an order about one connection, or about all of a user. An order that a server refuses does
/// not keep the command from the others: a client may have left in the meantime.
///
/// # Errors
///
/// Fails with the first refusal, if the user has no connection, or if a server did not answer.
pub(super) async fn run(
    arguments: ClientArguments,
    order: Order,
    print: Print,
) -> Result<ExitCode, Failure> {
    let (connection, system) = connect(arguments.common.connection).await?;
    let AllServers {
        answered: servers,
        silent,
        shortage,
    } = match arguments.of.as_deref() {
        None => find_all(&system, arguments.gathering).await?,
        Some(of) => AllServers {
            answered: find_servers(&system, Some(of), arguments.gathering).await?,
            ..AllServers::default()
        },
    };
    let mut refused = shortage.or_else(|| unasked(&silent));
    let targets = if let Some(cid) = arguments.cid {
        let target = |server| Target { server, cid };
        servers.into_iter().map(target).collect()
    } else {
        let server = connection.client().server_info();
        let own = (server.server_id.as_str(), server.client_id);
        find_clients(&system, servers, &arguments.filter, own).await?
    };
    if targets.is_empty() {
        refused.get_or_insert_with(|| {
            let none = anyhow::anyhow!("no other connection of this user and account");
            Failure::new(ExitCode::Refused, none)
        });
    }
    for Target { server, cid } in targets {
        match order.give(&system, &server, cid).await {
            Ok(()) => print(&order.report(&server, cid, arguments.common.json))?,
            Err(error) => {
                refused.get_or_insert(at_server(&server, error));
            }
        }
    }
    refused.map_or(Ok(ExitCode::Success), Err)
}

/// Returns the failure of an order that some servers did not get.
fn unasked(silent: &[NamedServer]) -> Option<Failure> {
    (!silent.is_empty()).then(|| {
        let problem = anyhow::anyhow!(
            "no answer from {}: connections there stay as they are; repeat the command once it answers",
            names(silent)
        );
        Failure::new(ExitCode::Unreachable, problem)
    })
}

/// Returns the connections that `filter` admits, at all servers, before any of them gets an order:
/// its client may then connect to another of the servers. The connection `own` of this command is
/// not among them.
async fn find_clients(
    system: &SystemClient<impl Nats>,
    servers: Vec<NamedServer>,
    filter: &ConnectionFilter,
    own: (&str, u64),
) -> Result<Vec<Target>, Failure> {
    let mut targets = Vec::new();
    for server in servers {
        let connections = system.connections(&server.id, &filter.request()).await;
        for connection in connections.map_err(|error| at_server(&server, error))? {
            let cid = connection.cid;
            if (server.id.as_str(), cid) != own {
                let server = server.clone();
                targets.push(Target { server, cid });
            }
        }
    }
    Ok(targets)
}

impl Order {
    async fn give(
        self,
        system: &SystemClient<impl Nats>,
        server: &NamedServer,
        cid: u64,
    ) -> Result<(), SystemError> {
        match self {
            Self::Kick => system.kick(&server.id, cid).await,
            Self::LameDuck => system.lame_duck(&server.id, cid).await,
        }
    }

    /// Returns the line about an order that a server has obeyed.
    fn report(self, server: &NamedServer, cid: u64, json: bool) -> String {
        let (name, done) = match self {
            Self::Kick => ("kick", "closed"),
            Self::LameDuck => ("ldm", "asked to move to another server"),
        };
        if json {
            let line = json!({ "server": to_json(server), "cid": cid, "done": name });
            format!("{line}\n")
        } else {
            format!("{}: connection {cid} {done}\n", one_line(&server.name))
        }
    }
}
