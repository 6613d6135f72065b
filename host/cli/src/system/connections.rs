//! `portcullis system connections`: the connections of servers.

use clap::{Args, ValueEnum};
use portcullis_core::AccountName;
use portcullis_system::{ConnectionInfo, ConnectionState, ConnzRequest};
use serde_json::json;

use super::common::{Common, GatheringArguments, connect};
use super::find::{NamedServer, at_server, find_servers, to_json};
use super::table::{self, Align};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Print;

/// The arguments of `portcullis system connections`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct ConnectionsArguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    gathering: GatheringArguments,
    /// The name or the id of the only server to ask.
    #[arg(value_name = "SERVER")]
    of: Option<String>,
    #[command(flatten)]
    filter: ConnectionFilter,
    /// The state of the connections.
    #[arg(long, value_enum, default_value_t)]
    state: State,
}

/// The connections that a command is about.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(super) struct ConnectionFilter {
    /// Only connections of this account.
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: Option<AccountName>,
    /// Only connections of the user with this name or public nkey. The flag is not `--user`, which
    /// is the login of this command.
    #[arg(long, value_name = "NAME")]
    pub(super) of_user: Option<String>,
}

/// A state of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum State {
    /// Open connections.
    #[default]
    Open,
    /// Connections that have ended.
    Closed,
    /// All of these.
    All,
}

impl ConnectionFilter {
    /// Returns a request for these connections.
    pub(super) fn request(&self) -> ConnzRequest {
        ConnzRequest {
            account: self.account.clone(),
            user: self.of_user.clone(),
            ..ConnzRequest::default()
        }
    }
}

/// Prints the connections.
///
/// # Errors
///
/// Fails if a server does not answer, or answers with an error.
pub(super) async fn run(
    arguments: ConnectionsArguments,
    print: Print,
) -> Result<ExitCode, Failure> {
    let (_connection, system) = connect(arguments.common.connection).await?;
    let servers = find_servers(&system, arguments.of.as_deref(), arguments.gathering).await?;
    let request = ConnzRequest {
        state: match arguments.state {
            State::Open => ConnectionState::Open,
            State::Closed => ConnectionState::Closed,
            State::All => ConnectionState::All,
        },
        ..arguments.filter.request()
    };
    let mut rows = Vec::new();
    for server in &servers {
        let connections = system.connections(&server.id, &request).await;
        for connection in connections.map_err(|error| at_server(server, error))? {
            if arguments.common.json {
                let line = json!({ "server": to_json(server), "connection": connection });
                print(&format!("{line}\n"))?;
            } else {
                rows.push(row(server, &connection));
            }
        }
    }
    if !arguments.common.json {
        let columns = [
            ("SERVER", Align::Left),
            ("CID", Align::Right),
            ("ACCOUNT", Align::Left),
            ("USER", Align::Left),
            ("NAME", Align::Left),
            ("ADDRESS", Align::Left),
            ("SUBSCRIPTIONS", Align::Right),
            ("RECEIVED", Align::Right),
            ("SENT", Align::Right),
            ("UPTIME", Align::Right),
            ("REASON", Align::Left),
        ];
        print(&table::render(columns, &rows))?;
    }
    Ok(ExitCode::Success)
}

fn row(server: &NamedServer, connection: &ConnectionInfo) -> [String; 11] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        server.name.clone(),
        connection.cid.to_string(),
        text(&connection.account),
        text(&connection.authorized_user),
        connection.name.clone(),
        format!("{}:{}", connection.ip, connection.port),
        connection.subscriptions.to_string(),
        table::size(connection.in_bytes),
        table::size(connection.out_bytes),
        connection.uptime.clone(),
        text(&connection.reason),
    ]
}
