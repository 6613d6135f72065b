//! `portcullis decisions pin`: a record as a test of its policy.

use clap::Args;
use portcullis_catalog::pin;

use super::source::SourceArguments;
use super::{Print, find};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::complain;

/// The arguments of `portcullis decisions pin`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct PinArguments {
    /// The id of the record, or its beginning.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    source: SourceArguments,
    /// The policy to test, one of those that were asked. Default: the one that decided.
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
}

/// Prints the test, and on standard error what it cannot show.
///
/// # Errors
///
/// Fails if no record has the id, or if the policy was not asked.
pub(super) async fn run(arguments: PinArguments, print: Print) -> Result<ExitCode, Failure> {
    let record = find(arguments.source, &arguments.id).await?;
    let pinned = pin(&record, arguments.policy.as_deref())
        .map_err(|error| Failure::new(ExitCode::BadConfiguration, error))?;
    for note in &pinned.notes {
        complain(&format!("portcullis: {note}"));
    }
    print(&pinned.text)?;
    Ok(ExitCode::Success)
}
