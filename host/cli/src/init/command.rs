//! The command `portcullis init`, with its arguments and its answer.

use std::path::PathBuf;

use clap::Args;
use portcullis_accounts::StoreError;
use portcullis_claims::ServerVersion;
use portcullis_core::BucketName;

use super::operator::{Mode, OperatorMode, Resolver, init as init_operator};
use super::{Accounts, NotInitialized, init_with};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Output, render_json};

/// The arguments of `portcullis init`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct InitArguments {
    /// The directory to write to. Existing files are never overwritten.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// A key-value bucket that policies may look into; can be given several times. The server
    /// then has an account for the buckets, with users who read, fill and make them.
    #[arg(long, value_name = "BUCKET", conflicts_with = "resolver")]
    key_value: Vec<BucketName>,
    /// Publish login events for the applications in the account `APP`. In operator mode,
    /// `portcullis account edit` lets accounts share them.
    #[arg(long)]
    login_events: bool,
    /// Keep the newest decision records in the host's memory, and add a user to the callout account
    /// who may ask for them: `portcullis decisions list --live`.
    #[arg(long)]
    auditor: bool,
    /// Accounts in the server's configuration, or JWTs of an operator that is made too.
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// In operator mode: where servers have account JWTs from.
    #[arg(long, value_enum, value_name = "RESOLVER")]
    resolver: Option<Resolver>,
    /// In operator mode: the oldest release among the servers. Those before 2.11.2 do not start
    /// with a `default_sentinel`, so it is left out for them.
    #[arg(long, value_name = "VERSION")]
    oldest_server: Option<ServerVersion>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl InitArguments {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        let (text, value) = match self.mode {
            Mode::Config if self.resolver.is_some() || self.oldest_server.is_some() => {
                return Err(wrong(
                    "`--resolver` and `--oldest-server` are for `--mode operator`",
                ));
            }
            Mode::Operator if !self.key_value.is_empty() => {
                return Err(wrong("`--key-value` is for `--mode config`"));
            }
            Mode::Config => {
                let accounts = Accounts::of_site(self.login_events, self.auditor);
                let made = init_with(&self.directory, &self.key_value, &accounts)?;
                (made.summary(), made.json())
            }
            Mode::Operator => {
                let options = OperatorMode {
                    resolver: self.resolver.unwrap_or_default(),
                    oldest_server: self.oldest_server,
                    login_events: self.login_events,
                    auditor: self.auditor,
                };
                let made = init_operator(&self.directory, options)?;
                (made.summary(), made.json())
            }
        };
        if self.json {
            return render_json(&value).map(Output::success);
        }
        Ok(Output::success(text))
    }
}

fn wrong(problem: &'static str) -> Failure {
    Failure::new(ExitCode::Usage, anyhow::Error::msg(problem))
}

impl From<NotInitialized> for Failure {
    fn from(error: NotInitialized) -> Self {
        let code = match error {
            NotInitialized::Exists(_)
            | NotInitialized::Write { .. }
            | NotInitialized::Store(StoreError::Write { .. }) => ExitCode::CannotCreate,
            NotInitialized::Keys(_) | NotInitialized::Store(_) => ExitCode::Internal,
        };
        Self::new(code, error)
    }
}
