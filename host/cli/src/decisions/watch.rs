//! `portcullis decisions watch`: the records on a screen in the terminal.
//!
//! ```text
//! feed (files, stream, live) ─┐
//! keys, sizes ────────────────┴▶ update ─▶ model ─▶ view ─▶ terminal
//! ```
//!
//! Model, update and view know no terminal and do no input or output.

mod feed;
mod filter_line;
mod kept;
mod model;
mod terminal;
mod text;
mod update;
mod view;

#[cfg(test)]
pub(super) mod fixtures;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::filter::FilterArguments;
use super::source::SourceArguments;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::signals;
use feed::{Chosen, Feed, MAX_BATCHES};
use model::{Action, Model};
use terminal::{Keys, Screen};
use update::{Event, update};

/// Interval at which the screen looks whether the connection stands.
const TICK: Duration = Duration::from_secs(1);

/// The arguments of `portcullis decisions watch`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    filter: FilterArguments,
    /// The number of records to keep, the newest ones. All together have at most 64 MiB.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    last: usize,
}

/// Shows the screen until its user or a signal ends it.
///
/// # Errors
///
/// Fails if there is no terminal, if the records cannot be read, or if the terminal fails.
pub(super) async fn run(arguments: WatchArguments) -> Result<ExitCode, Failure> {
    terminal::check()?;
    let stop = signals::stop_requested().map_err(Failure::internal)?;
    let hang_ups = signals::hang_ups().map_err(Failure::internal)?;
    let mut stop = std::pin::pin!(stop);
    let mut hang_up = std::pin::pin!(hang_ups.first());
    let chosen = Chosen {
        filter: arguments.filter.filter(),
        max_records: arguments.last,
    };
    let mut feed = Feed::start(arguments.source, chosen).await?;
    let mut screen = Screen::open()?;
    let mut keys = Keys::start()?;
    let mut model = Model::new(feed.name.clone(), arguments.last, screen.size()?);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        screen.draw(&model)?;
        let event = tokio::select! {
            biased;
            () = &mut stop => return Ok(ExitCode::Success),
            () = &mut hang_up => return Ok(ExitCode::Success),
            event = keys.next() => event?,
            event = feed.next() => event,
            _ = ticks.tick() => Event::Connected(feed.is_connected()),
        };
        if apply(&mut model, event) {
            return Ok(ExitCode::Success);
        }
        // A busy source is drawn once for several batches.
        for _ in 0..MAX_BATCHES {
            let Some(event) = feed.try_next() else {
                break;
            };
            apply(&mut model, event);
        }
    }
}

/// Applies an event, and does what it asks for. Returns whether the screen ends.
fn apply(model: &mut Model, event: Event) -> bool {
    match update(model, event) {
        None => false,
        Some(Action::Quit) => true,
        Some(Action::Append { file, text }) => {
            let appended = append(&file, &text).map_err(|error| error.to_string());
            update(model, Event::Appended(file, appended));
            false
        }
    }
}

/// Appends a text to a file, which is made if it is missing.
fn append(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(text.as_bytes())
}
