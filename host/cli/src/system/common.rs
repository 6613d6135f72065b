//! Arguments that several commands have, and their connection and failures.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use portcullis_connect::{Connection, Nats};
use portcullis_system::{
    Gathered, Gathering, GatheringEnd, ServerFilter, SystemClient, SystemError,
};

use super::connection::ConnectionArguments;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::span::span;

/// What every command has: the connection, and the form of the output.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
    /// Print JSON, one object a line.
    #[arg(long)]
    pub(super) json: bool,
}

/// The end of the wait for several servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(crate) struct GatheringArguments {
    /// The number of servers that have to answer. The command waits for them only, and ends with
    /// code 69 if fewer answer. Default: any number, until none has answered for half a second.
    #[arg(long, value_name = "NUMBER")]
    pub(super) expect: Option<NonZeroUsize>,
    /// The maximum time to wait for answers.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = span)]
    pub(super) wait: Duration,
}

/// The arguments of commands that ask all servers.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct ServersArguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) gathering: GatheringArguments,
    /// Ask only servers whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    pub(super) name: Option<String>,
    /// Ask only servers whose cluster's name contains this text.
    #[arg(long, value_name = "TEXT")]
    pub(super) cluster: Option<String>,
    /// Ask only servers with this tag; can be given several times.
    #[arg(long, value_name = "TAG")]
    pub(super) tag: Vec<String>,
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
    pub(super) fn filter(&self) -> ServerFilter {
        ServerFilter {
            name: self.name.clone(),
            cluster: self.cluster.clone(),
            tags: self.tag.clone(),
            ..ServerFilter::default()
        }
    }
}

/// Connects to the servers.
pub(super) async fn connect(
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
