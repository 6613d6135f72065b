//! `portcullis system profile` and `reload`: orders about a whole server.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgGroup, Args};
use portcullis_system::ProfilezRequest;
use portcullis_toml::text::one_line;
use serde_json::json;

use super::common::{Common, GatheringArguments, connect};
use super::find::{at_server, find_servers, to_json};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Print;
use crate::span::span;

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
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = span)]
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
        let profile = system.profile(&server.id, &request).await;
        let profile = profile.map_err(|error| at_server(&server, error))?;
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
