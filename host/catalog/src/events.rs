//! Events about changes in a directory.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{
    DebounceEventResult, DebouncedEvent, Debouncer, NoCache, new_debouncer_opt,
};

/// A source of events about changes in a directory.
pub trait DirectoryEvents: Debug + Send + Sync + 'static {
    /// Calls `changed` after changes in `directory`, at most once in `batch`, until the returned
    /// value is dropped. Calls may be lost, and may come without a change.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be watched.
    fn watch(
        &self,
        directory: &Path,
        batch: Duration,
        changed: Box<dyn Fn() + Send>,
    ) -> io::Result<Box<dyn Watching>>;
}

/// A watch on a directory, which ends when it is dropped.
pub trait Watching: Send {}

/// The events of the operating system, such as those of inotify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemEvents;

impl Watching for Debouncer<RecommendedWatcher, NoCache> {}

#[expect(
    clippy::disallowed_methods,
    reason = "the only place that asks the operating system for events"
)]
impl DirectoryEvents for SystemEvents {
    fn watch(
        &self,
        directory: &Path,
        batch: Duration,
        changed: Box<dyn Fn() + Send>,
    ) -> io::Result<Box<dyn Watching>> {
        let handler = move |result: DebounceEventResult| {
            // An error starts a pass too, because only a scan shows the state after it.
            if result.map_or(true, |batch| batch.iter().any(concerns_us)) {
                changed();
            }
        };
        let config = notify::Config::default();
        let mut debouncer =
            new_debouncer_opt(batch, None, handler, NoCache, config).map_err(io::Error::other)?;
        // The watch is on the directory, because saving by rename would end a watch on a file.
        let watched = debouncer.watch(directory, RecursiveMode::NonRecursive);
        watched.map_err(io::Error::other)?;
        Ok(Box::new(debouncer))
    }
}

/// Returns whether an event needs a pass. Reading a module is an event too, so without this check
/// every pass would start the next one.
fn concerns_us(event: &DebouncedEvent) -> bool {
    event.need_rescan() || !matches!(event.kind, EventKind::Access(_))
}
