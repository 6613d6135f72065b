//! `portcullis doctor`: looks for everything that keeps a host and its servers from deciding
//! logins, and says how to mend it.

mod checks;
mod evidence;
mod finding;
mod gather;
mod report;
mod server_conf;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::output::Output;
use crate::runtime::one_thread;

/// The arguments of the command.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct DoctorArguments {
    /// The configuration, portcullis.toml.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The configuration of a nats-server, to compare with.
    #[arg(long, value_name = "FILE")]
    server_conf: Option<PathBuf>,
    /// The credentials file, or the file with the user seed (SU…), of a user of the system account.
    /// Servers then tell their accounts and limits.
    #[arg(long, value_name = "FILE")]
    creds: Option<PathBuf>,
    /// A credential of which to prove that it does not enter without the callout: a file with
    /// credentials, a user seed (SU…), `USER:PASSWORD` or a token. `none` stands for a login
    /// without credentials. Hosts admit no such login while it is tried.
    #[arg(long, value_name = "CREDENTIAL")]
    bypass: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Gathers evidence and reports what it shows.
///
/// # Errors
///
/// Fails if no runtime is made, or if the report cannot be encoded.
pub(crate) fn doctor(arguments: &DoctorArguments) -> Result<Output, Failure> {
    let runtime = one_thread()?;
    let evidence = runtime.block_on(gather::gather(arguments));
    let report = checks::run(&evidence);
    let text = if arguments.json {
        let text = serde_json::to_string_pretty(&report.to_json()).map_err(Failure::internal)?;
        format!("{text}\n")
    } else {
        report.to_text()
    };
    Ok(Output {
        text,
        code: report.code(),
    })
}
