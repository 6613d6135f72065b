//! `portcullis system`: shows the events of NATS servers, asks servers about themselves and their
//! connections, and orders them to reload, profile or disconnect.

mod clients;
pub(crate) mod connection;
mod connections;
mod events;
mod orders;
mod servers;
pub(crate) mod table;

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, Subcommand};
use portcullis_connect::{Connection, Nats};
use portcullis_system::{
    Gathered, Gathering, GatheringEnd, IdzRequest, RoutezRequest, ServerFilter, ServerId,
    ServerName, SystemClient, SystemError,
};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Print;
use crate::runtime::one_thread;
use clients::{ClientArguments, Order};
use connection::ConnectionArguments;
use connections::ConnectionsArguments;
use events::EventsArguments;
use orders::{ProfileArguments, ReloadArguments};

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

/// What every command has: the connection, and the form of the output.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
struct Common {
    #[command(flatten)]
    connection: ConnectionArguments,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// The end of the wait for several servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(crate) struct GatheringArguments {
    /// The number of servers that have to answer. The command waits for them only, and ends with
    /// code 69 if fewer answer. Default: any number, until none has answered for half a second.
    #[arg(long, value_name = "NUMBER")]
    expect: Option<NonZeroUsize>,
    /// The maximum time to wait for answers.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    wait: Duration,
}

/// The arguments of commands that ask all servers.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct ServersArguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    gathering: GatheringArguments,
    /// Ask only servers whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Ask only servers whose cluster's name contains this text.
    #[arg(long, value_name = "TEXT")]
    cluster: Option<String>,
    /// Ask only servers with this tag; can be given several times.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
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

impl GatheringArguments {
    /// Returns the end of the wait for answers.
    pub(crate) fn end(self) -> Gathering {
        match self.expect {
            Some(servers) => Gathering::expecting(servers, self.wait),
            None => Gathering {
                total: self.wait,
                ..Gathering::default()
            },
        }
    }

    /// Checks that all expected servers have answered, and at least one.
    ///
    /// # Errors
    ///
    /// Fails with the number of servers that have answered.
    pub(crate) fn check<T>(self, gathered: &Gathered<T>) -> Result<(), Failure> {
        let answered = gathered.replies.len();
        let missing = match self.expect {
            Some(expected) if gathered.end != GatheringEnd::Complete => {
                anyhow::anyhow!("{answered} of {expected} servers answered")
            }
            None if answered == 0 => anyhow::anyhow!(
                "no server answered within {}: none has this name, cluster or tag, or the permissions of this user deny the request",
                humantime::format_duration(self.wait)
            ),
            _ => return Ok(()),
        };
        Err(Failure::new(ExitCode::Unreachable, missing))
    }
}

impl ServersArguments {
    /// Returns the servers that the command asks.
    fn filter(&self) -> ServerFilter {
        ServerFilter {
            name: self.name.clone(),
            cluster: self.cluster.clone(),
            tags: self.tag.clone(),
            ..ServerFilter::default()
        }
    }
}

/// Connects to the servers.
async fn connect(
    arguments: ConnectionArguments,
) -> Result<(Connection, SystemClient<impl Nats>), Failure> {
    let connection = arguments.connect("portcullis-system").await?;
    let system = SystemClient::new(connection.client().clone());
    Ok((connection, system))
}

/// Returns the failure of a request.
pub(crate) fn failed(error: SystemError) -> Failure {
    let code = match &error {
        SystemError::Reply { .. } | SystemError::Profile { .. } => ExitCode::Refused,
        SystemError::Account(_) => ExitCode::Usage,
        SystemError::Encode(_) => ExitCode::Internal,
        _ => ExitCode::Unreachable,
    };
    Failure::new(code, error)
}

/// Returns the failure of a request to one server.
pub(crate) fn at_server(server: &NamedServer, error: SystemError) -> Failure {
    failed(error).context(format!("server `{}`", server.name))
}

/// A server of a command: its id, and its name for people.
#[derive(Clone, Debug)]
pub(crate) struct NamedServer {
    pub(crate) id: ServerId,
    pub(crate) name: String,
}

/// The servers of a system, as far as those that answer know them.
#[derive(Debug, Default)]
pub(crate) struct AllServers {
    /// The servers that answered.
    pub(crate) answered: Vec<NamedServer>,
    /// The servers that the others have a route to, and that did not answer.
    pub(crate) silent: Vec<NamedServer>,
    /// The failure of fewer answers than the arguments expect.
    pub(crate) shortage: Option<Failure>,
}

/// Looks for all servers: those that answer, and those that the others of their cluster know.
///
/// # Errors
///
/// Fails if no server answers.
pub(crate) async fn find_all(
    system: &SystemClient<impl Nats>,
    gathering: GatheringArguments,
) -> Result<AllServers, Failure> {
    let all = ServerFilter::default();
    let gathered = system.ask_all(&IdzRequest {}, &all, gathering.end());
    let gathered = gathered.await.map_err(failed)?;
    let shortage = gathering.check(&gathered).err();
    let number = NonZeroUsize::new(gathered.replies.len());
    let Some(number) = number else {
        let none = || anyhow::anyhow!("no server answered");
        return Err(shortage.unwrap_or_else(|| Failure::new(ExitCode::Unreachable, none())));
    };
    let mut answered = named(gathered);
    answered.sort_by(|one, other| one.name.cmp(&other.name));
    let routes = Gathering::expecting(number, gathering.wait);
    let routes = system.ask_all(&RoutezRequest {}, &all, routes).await;
    // A system account without this service shows the servers that answered.
    let routes = routes.map(|gathered| gathered.replies).unwrap_or_default();
    let routes = routes.into_iter().filter_map(|reply| reply.result.ok());
    let mut silent: Vec<NamedServer> = Vec::new();
    for route in routes.flat_map(|routez| routez.routes) {
        let Ok(id) = route.remote_id.parse::<ServerId>() else {
            continue;
        };
        let mut known = answered.iter().chain(&silent);
        if !known.any(|server| server.id == id) {
            let name = Some(route.remote_name).filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| id.to_string());
            silent.push(NamedServer { id, name });
        }
    }
    Ok(AllServers {
        answered,
        silent,
        shortage,
    })
}

/// Returns the servers of these answers.
fn named(gathered: Gathered<ServerName>) -> Vec<NamedServer> {
    let servers = gathered.replies.into_iter().filter_map(|reply| {
        let id = reply.server.server_id().ok()?;
        let name = reply.server.name;
        Some(NamedServer { id, name })
    });
    servers.collect()
}

/// Returns the names of servers for a message.
pub(crate) fn names(servers: &[NamedServer]) -> String {
    let names = servers.iter().map(|it| format!("`{}`", one_line(&it.name)));
    names.collect::<Vec<_>>().join(", ")
}

/// Returns all servers, or the one with this name or id.
///
/// # Errors
///
/// Fails if no server or several have the name.
pub(crate) async fn find_servers(
    system: &SystemClient<impl Nats>,
    wanted: Option<&str>,
    gathering: GatheringArguments,
) -> Result<Vec<NamedServer>, Failure> {
    if let Some(id) = wanted.and_then(|wanted| wanted.parse::<ServerId>().ok()) {
        let name = id.to_string();
        return Ok(vec![NamedServer { id, name }]);
    }
    let all = ServerFilter::default();
    let gathered = system.ask_all(&IdzRequest {}, &all, gathering.end());
    let gathered = gathered.await.map_err(failed)?;
    gathering.check(&gathered)?;
    let servers = named(gathered);
    let Some(wanted) = wanted else {
        return Ok(servers);
    };
    let servers = servers.into_iter();
    let found: Vec<_> = servers.filter(|server| server.name == wanted).collect();
    let problem = match found.len() {
        1 => return Ok(found),
        0 => format!("no server `{wanted}` answers: `portcullis system servers` lists all"),
        number => format!("{number} servers are called `{wanted}`: give the id of one"),
    };
    Err(Failure::new(
        ExitCode::Unreachable,
        anyhow::anyhow!(problem),
    ))
}

/// Returns the name and the id of a server as an object.
pub(crate) fn to_json(server: &NamedServer) -> Value {
    json!({ "name": server.name, "id": server.id.as_str() })
}
