//! Servers that a command tells of changes: the connection of a user of the system account.

use std::path::PathBuf;

use clap::Args;
use portcullis_config::ServerAddress;
use portcullis_connect::{Authentication, ConnectionOptions, Retries, SecretSource};

use crate::exit::ExitCode;
use crate::failure::Failure;

/// The servers of a system, and the login of a user of the system account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct ServerArguments {
    /// The address of a server; can be given several times. The command then connects.
    #[arg(long, value_name = "URL", requires = "creds")]
    server: Vec<ServerAddress>,
    /// The credentials file of a user of the system account.
    #[arg(long, value_name = "FILE", requires = "server")]
    creds: Option<PathBuf>,
    /// The certificates of servers to trust, PEM. Default: those of the system.
    #[arg(long, value_name = "FILE", requires = "server")]
    ca_file: Option<PathBuf>,
}

impl ServerArguments {
    /// Returns whether the command names a server.
    pub(crate) const fn is_given(&self) -> bool {
        !self.server.is_empty()
    }

    /// Returns the options of a connection called `name`, which is tried once.
    ///
    /// # Errors
    ///
    /// Fails if the command names no server.
    pub(crate) fn required(&self, name: &str) -> Result<ConnectionOptions, Failure> {
        let mut options = self.connection(name).ok_or_else(|| {
            let missing = anyhow::anyhow!("name the servers, with `--server` and `--creds`");
            Failure::new(ExitCode::Usage, missing)
        })?;
        options.retries = Retries::Times(0);
        Ok(options)
    }

    /// Returns the options of a connection called `name`. `None` without a server.
    pub(crate) fn connection(&self, name: &str) -> Option<ConnectionOptions> {
        if !self.is_given() {
            return None;
        }
        let servers = self.server.iter().map(ToString::to_string).collect();
        let mut options = ConnectionOptions::new(name, servers);
        if let Some(creds) = &self.creds {
            options.authentication = Authentication::Credentials(SecretSource::File(creds.clone()));
        }
        options.tls.ca_file.clone_from(&self.ca_file);
        Some(options)
    }
}
