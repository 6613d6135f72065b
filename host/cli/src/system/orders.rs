//! `portcullis system profile`, `reload`, `kick` and `ldm`: orders to servers.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgGroup, Args};
use portcullis_connect::{Connection, Nats};
use portcullis_system::{ProfilezRequest, SystemClient, SystemError};
use portcullis_toml::text::one_line;
use serde_json::json;

use super::connections::ConnectionFilter;
use super::{Common, GatheringArguments, NamedServer, Print, failed, find_servers};
use crate::exit::ExitCode;
use crate::failure::Failure;

/// The arguments of `portcullis system profile`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct ProfileArguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    gathering: GatheringArguments,
    /// The name or the id of the server.
    #[arg(value_name = "SERVER")]
    of: String,
    /// The profile: allocs, block, cpu, goroutine, heap, mutex or threadcreate.
    #[arg(value_name = "PROFILE")]
    profile: String,
    /// The file to write, for `go tool pprof`. An existing file is never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The time to profile for, of `cpu` only: at most 15 s.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    time: Duration,
}

/// The arguments of `portcullis system reload`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(group(ArgGroup::new("servers").required(true)))]
pub(crate) struct ReloadArguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    gathering: GatheringArguments,
    /// The name or the id of the server.
    #[arg(value_name = "SERVER", group = "servers")]
    of: Option<String>,
    /// All servers, one after the other. The command stops at the first that refuses.
    #[arg(long, group = "servers")]
    all: bool,
}

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

/// Writes a profile of a server's process.
///
/// # Errors
///
/// Fails if the server makes no profile, or if the file cannot be written.
pub(super) async fn profile(
    arguments: ProfileArguments,
    print: Print,
) -> Result<ExitCode, Failure> {
    let (_connection, system) = connect(arguments.common.connection).await?;
    let request = ProfilezRequest {
        duration: match arguments.profile.as_str() {
            "cpu" => arguments.time,
            _ => Duration::ZERO,
        },
        name: arguments.profile,
        debug: 0,
    };
    let servers = find_servers(&system, Some(&arguments.of), arguments.gathering).await?;
    for server in servers {
        let profile = system.profile(&server.id, &request).await.map_err(failed)?;
        write_new(&arguments.out, &profile)?;
        let file = arguments.out.display().to_string();
        let size = profile.len();
        print(&if arguments.common.json {
            let server = to_json(&server);
            format!(
                "{}\n",
                json!({ "server": server, "file": file, "bytes": size })
            )
        } else {
            format!(
                "{file}: {} of `{}`, {size} bytes\n",
                request.name, server.name
            )
        })?;
    }
    Ok(ExitCode::Success)
}

/// Has one server or all read their configuration again.
///
/// # Errors
///
/// Fails if a server refuses: with its description of what is wrong.
pub(super) async fn reload(arguments: ReloadArguments, print: Print) -> Result<ExitCode, Failure> {
    let (_connection, system) = connect(arguments.common.connection).await?;
    let servers = find_servers(&system, arguments.of.as_deref(), arguments.gathering).await?;
    for server in servers {
        system
            .reload(&server.id)
            .await
            .map_err(|error| at_server(&server, error))?;
        print(&if arguments.common.json {
            format!(
                "{}\n",
                json!({ "server": to_json(&server), "done": "reload" })
            )
        } else {
            format!("{}: configuration read again\n", one_line(&server.name))
        })?;
    }
    Ok(ExitCode::Success)
}

/// Closes connections.
///
/// # Errors
///
/// Fails if a server has no such connection.
pub(super) async fn kick(arguments: ClientArguments, print: Print) -> Result<ExitCode, Failure> {
    for_each_client(arguments, Order::Kick, print).await
}

/// Tells clients that their server enters lame duck mode.
///
/// # Errors
///
/// Fails if a server has no such connection.
pub(super) async fn lame_duck(
    arguments: ClientArguments,
    print: Print,
) -> Result<ExitCode, Failure> {
    for_each_client(arguments, Order::LameDuck, print).await
}

/// An order about one connection.
#[derive(Clone, Copy, Debug)]
enum Order {
    Kick,
    LameDuck,
}

async fn for_each_client(
    arguments: ClientArguments,
    order: Order,
    print: Print,
) -> Result<ExitCode, Failure> {
    let (_connection, system) = connect(arguments.common.connection).await?;
    let servers = find_servers(&system, arguments.of.as_deref(), arguments.gathering).await?;
    let mut count = 0_usize;
    for server in servers {
        let cids = if let Some(cid) = arguments.cid {
            vec![cid]
        } else {
            let request = arguments.filter.request();
            let connections = system.connections(&server.id, &request).await;
            let connections = connections.map_err(failed)?;
            connections
                .iter()
                .map(|connection| connection.cid)
                .collect()
        };
        for cid in cids {
            let done = match order {
                Order::Kick => system.kick(&server.id, cid).await,
                Order::LameDuck => system.lame_duck(&server.id, cid).await,
            };
            done.map_err(|error| at_server(&server, error))?;
            count = count.saturating_add(1);
            print(&order.report(&server, cid, arguments.common.json))?;
        }
    }
    if count == 0 {
        let none = anyhow::anyhow!("no connection of this user and account");
        return Err(Failure::new(ExitCode::Refused, none));
    }
    Ok(ExitCode::Success)
}

impl Order {
    fn report(self, server: &NamedServer, cid: u64, json: bool) -> String {
        let (name, done) = match self {
            Self::Kick => ("kick", "closed"),
            Self::LameDuck => ("ldm", "told to move to another server"),
        };
        if json {
            format!(
                "{}\n",
                json!({ "server": to_json(server), "cid": cid, "done": name })
            )
        } else {
            format!("{}: connection {cid} {done}\n", one_line(&server.name))
        }
    }
}

async fn connect(
    arguments: super::ConnectionArguments,
) -> Result<(Connection, SystemClient<impl Nats>), Failure> {
    let connection = arguments.connect().await?;
    let system = SystemClient::new(connection.client().clone());
    Ok((connection, system))
}

fn to_json(server: &NamedServer) -> serde_json::Value {
    json!({ "name": server.name, "id": server.id.as_str() })
}

/// Returns the failure of an order to a server.
fn at_server(server: &NamedServer, error: SystemError) -> Failure {
    failed(error).context(format!("server `{}`", server.name))
}

fn write_new(path: &Path, profile: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(profile));
    written.map_err(|error| {
        let context = format!("cannot write `{}`", path.display());
        let error = anyhow::Error::new(error).context(context);
        Failure::new(ExitCode::CannotCreate, error)
    })
}
