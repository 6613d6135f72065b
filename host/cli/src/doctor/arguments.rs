//! The arguments of `portcullis doctor`.

use std::path::PathBuf;

use clap::Args;

/// The arguments of the command.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct DoctorArguments {
    /// The configuration, portcullis.toml.
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// The configuration of a nats-server, to compare with.
    #[arg(long, value_name = "FILE")]
    pub(super) server_conf: Option<PathBuf>,
    /// The credentials file, or the file with the user seed (SU…), of a user of the system account.
    /// Servers then tell their accounts and limits.
    #[arg(long, value_name = "FILE")]
    pub(super) creds: Option<PathBuf>,
    /// A credential of which to prove that it does not enter without the callout: a file with
    /// credentials, a user seed (SU…), `USER:PASSWORD` or a token. `none` stands for a login
    /// without credentials. Hosts admit no such login while it is tried.
    #[arg(long, value_name = "CREDENTIAL")]
    pub(super) bypass: Option<PathBuf>,
    /// Show the changes of files that end findings, as a unified diff: modes, keys of
    /// portcullis.toml and lines of `auth_callout` in the file of `--server-conf`. At a terminal,
    /// the command asks whether to make them.
    #[arg(long)]
    pub(super) fix: bool,
    /// Make the changes of `--fix` without asking. Earlier contents are kept next to the files.
    #[arg(long, requires = "fix")]
    pub(super) write: bool,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}
