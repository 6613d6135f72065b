//! `portcullis decisions`: the records of decided logins, from files, from a stream, and from the
//! hosts that run.

mod count;
mod filter;
mod list;
mod live;
mod moment;
mod pin;
mod show;
mod source;
mod watch;

use clap::{Args, Subcommand};
use portcullis_core::DecisionRecord;
use portcullis_records::RecordFilter;
use portcullis_toml::text::one_line;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Print;
use crate::runtime::one_thread;
use crate::signals;
use count::CountArguments;
use filter::FilterArguments;
use list::ListArguments;
use pin::PinArguments;
use source::SourceArguments;
use watch::WatchArguments;

/// The commands for decision records.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum DecisionsVerb {
    /// Print the records that fit every filter, the oldest first.
    List(ListArguments),
    /// Print the number of logins by a fact, such as the user or the class of the denial.
    Count(CountArguments),
    /// Print one record as a tree: client, identity, the answer of each policy, rights and outcome.
    Show(ShowArguments),
    /// Print each new record of the hosts, until the command is stopped: from `[records.stream]` of
    /// the configuration as hosts publish them, or from `[records.live]` as hosts answer with them.
    Follow(FollowArguments),
    /// Show the records on a screen in the terminal, old and new ones: type filters, open a record,
    /// turn it into a policy test.
    Watch(WatchArguments),
    /// Turn a record into a test of the policy that decided, for NAME.tests.toml.
    Pin(PinArguments),
}

/// The arguments of `portcullis decisions show`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct ShowArguments {
    /// The id of the record, or its beginning.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    source: SourceArguments,
    /// Print the record as JSON.
    #[arg(long)]
    json: bool,
}

/// The arguments of `portcullis decisions follow`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct FollowArguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    filter: FilterArguments,
    /// Print JSON, one record a line.
    #[arg(long)]
    json: bool,
    /// The number of records after which the command ends.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
}

/// Runs a command, which prints with `print`.
///
/// # Errors
///
/// Fails if the records cannot be read, or if no record has the id.
pub(crate) fn run(verb: DecisionsVerb, print: Print) -> Result<ExitCode, Failure> {
    let runtime = one_thread()?;
    runtime.block_on(async {
        match verb {
            DecisionsVerb::List(arguments) => list::run(arguments, print).await,
            DecisionsVerb::Count(arguments) => count::run(arguments, print).await,
            DecisionsVerb::Show(arguments) => {
                let record = find(arguments.source, &arguments.id).await?;
                if arguments.json {
                    print(&json(&record)?)?;
                } else {
                    print(&show::render(&record))?;
                }
                Ok(ExitCode::Success)
            }
            DecisionsVerb::Follow(arguments) => run_follow(arguments, print).await,
            DecisionsVerb::Watch(arguments) => watch::run(arguments).await,
            DecisionsVerb::Pin(arguments) => pin::run(arguments, print).await,
        }
    })
}

async fn run_follow(arguments: FollowArguments, print: Print) -> Result<ExitCode, Failure> {
    let stop = signals::stop_requested().map_err(Failure::internal)?;
    let mut stop = std::pin::pin!(stop);
    let FollowArguments {
        source,
        filter,
        json: is_json,
        count,
    } = arguments;
    let filter = filter.filter();
    let mut new = source.new_records(&filter).await?;
    let mut printed = 0_u64;
    while count.is_none_or(|count| printed < count) {
        let records = tokio::select! {
            () = &mut stop => return Ok(ExitCode::Success),
            records = new.next() => records?,
        };
        for record in records.iter().filter(|record| filter.fits(record)) {
            if count.is_some_and(|count| printed >= count) {
                break;
            }
            if is_json {
                print(&json(record)?)?;
            } else {
                print(&format!("{}\n", list::line(record)))?;
            }
            printed = printed.saturating_add(1);
        }
    }
    Ok(ExitCode::Success)
}

/// Returns the record whose id begins with `id`.
///
/// # Errors
///
/// Fails if no record or several have such an id.
async fn find(source: SourceArguments, id: &str) -> Result<DecisionRecord, Failure> {
    let mut found: Vec<DecisionRecord> = Vec::new();
    let filter = RecordFilter {
        id: Some(id.to_owned()),
        ..RecordFilter::default()
    };
    source
        .read(&filter, |record| {
            if filter.fits(&record) && !id.is_empty() {
                found.push(record);
            }
        })
        .await?;
    if let Some(exact) = found.iter().position(|record| record.id == id) {
        return Ok(found.swap_remove(exact));
    }
    let missing = |problem: &str| {
        let id = one_line(id);
        let error = anyhow::anyhow!("`{id}`: {problem}: `portcullis decisions list` shows the ids");
        Failure::new(ExitCode::NotFound, error)
    };
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(missing("no record has this id")),
        (Some(record), true) => Ok(record),
        (Some(_), false) => Err(missing("several records have an id that begins so")),
    }
}

/// Returns a record as JSON on one line.
fn json(record: &DecisionRecord) -> Result<String, Failure> {
    let text = serde_json::to_string(record).map_err(Failure::internal)?;
    Ok(format!("{text}\n"))
}
