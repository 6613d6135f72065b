//! Keeps a catalog true to its directory.
//!
//! Events only say *when* to look, never what happened: every trigger reads the whole directory and compares
//! digests. So it does not matter that editors rename, that Kubernetes swaps a symlink, that a queue overflows, or
//! that a network file system says nothing and only the poll notices.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{
    DebounceEventResult, DebouncedEvent, Debouncer, NoCache, new_debouncer_opt,
};
use portcullis_files::DirectoryId;

use crate::catalog::Catalog;
use crate::directory::DirectoryError;
use crate::loader::Pass;

/// The watcher's thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the thread that watches the policy directory")]
pub struct WatchError(#[source] io::Error);

/// Watches a catalog's directory until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    catalog: Catalog,
    trigger: Trigger,
    /// Closed when the thread ends; nothing is sent.
    ended: Receiver<()>,
}

/// How long dropping a watcher waits for its thread. A thread that loads a policy or waits for a file
/// that hangs is left behind: it ends with its pass or with the process.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// Asks for a pass over the directory.
#[derive(Clone, Debug)]
pub struct Trigger(Sender<Signal>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// Something happened.
    Look,
    /// Somebody asked.
    LookAgain,
    Stop,
}

impl Trigger {
    /// Asks for a pass, as SIGHUP does: now, without waiting for files to be quiet, and what failed before is tried
    /// again. Returns at once; passes asked for together are done once.
    pub fn reload(&self) {
        self.send(Signal::LookAgain);
    }

    fn send(&self, signal: Signal) {
        // A receiver that is gone has stopped watching; there is nobody to ask.
        let _ = self.0.send(signal);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.catalog.cancel();
        self.trigger.send(Signal::Stop);
        if self.ended.recv_timeout(STOP_LIMIT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("policies were still being read or loaded at the stop");
        }
    }
}

impl Watcher {
    /// Starts watching.
    ///
    /// # Errors
    ///
    /// When no thread can be had. A directory that cannot be watched is not an error: it is
    /// polled, and the log says so.
    pub fn start(catalog: Catalog) -> Result<Self, WatchError> {
        let (sender, signals) = channel();
        let trigger = Trigger(sender);
        let mut task = Task::new(catalog.clone(), trigger.clone());
        let (ending, ended) = channel();
        std::thread::Builder::new()
            .name("portcullis-reload".to_owned())
            .spawn(move || {
                task.run(&signals);
                // The watch is closed before the end is told.
                drop(task);
                drop(ending);
            })
            .map_err(WatchError)?;
        Ok(Self {
            catalog,
            trigger,
            ended,
        })
    }

    /// A handle that asks for passes.
    pub fn trigger(&self) -> Trigger {
        self.trigger.clone()
    }
}

struct Task {
    catalog: Catalog,
    directory: PathBuf,
    poll_interval: Duration,
    debounce: Duration,
    events: Trigger,
    watch: Option<Watch>,
    /// Whether the log already says that the directory cannot be watched.
    polling_only: bool,
    /// The directory's error the log already has.
    unreadable: Option<String>,
}

/// An armed watch, and the directory it is armed on: one that is deleted and made again is another one.
struct Watch {
    _debouncer: Debouncer<RecommendedWatcher, NoCache>,
    directory: DirectoryId,
}

impl Task {
    fn new(catalog: Catalog, events: Trigger) -> Self {
        let options = catalog.options();
        Self {
            catalog,
            directory: options.directory,
            poll_interval: options.poll_interval,
            debounce: options.debounce,
            events,
            watch: None,
            polling_only: false,
            unreadable: None,
        }
    }

    fn run(&mut self, signals: &Receiver<Signal>) {
        let mut again = false;
        loop {
            self.arm();
            // After arming, so that nothing falls between the pass and the watch.
            // A defect that panics must not end reloading for good.
            let unsettled = catch_unwind(AssertUnwindSafe(|| self.pass(again))).unwrap_or(false);
            let wait = if unsettled {
                self.debounce
            } else {
                self.poll_interval
            };
            let mut signal = match signals.recv_timeout(wait) {
                Ok(signal) => Some(signal),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            again = false;
            // Whatever was asked for meanwhile is answered by the same pass.
            while let Some(asked) = signal {
                match asked {
                    Signal::Look => {}
                    Signal::LookAgain => again = true,
                    Signal::Stop => return,
                }
                signal = signals.try_recv().ok();
            }
        }
    }

    /// Whether something wants another look soon.
    fn pass(&mut self, again: bool) -> bool {
        let pass = if again {
            Pass::Again
        } else {
            Pass::Settled(self.debounce)
        };
        match self.catalog.look(pass) {
            Ok(report) => {
                self.unreadable = None;
                report.unsettled
            }
            Err(error) => {
                self.report_unreadable(&error);
                false
            }
        }
    }

    fn report_unreadable(&mut self, error: &DirectoryError) {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let message = format!("{error}: {}", cause.unwrap_or_default());
        if self.unreadable.as_ref() != Some(&message) {
            tracing::error!(error = message, "policies kept as they are");
            self.unreadable = Some(message);
        }
    }

    /// Arms the watch, or arms it again on a directory that was made anew.
    fn arm(&mut self) {
        let current = portcullis_files::directory_id(&self.directory).ok();
        if current.is_some() && self.watch.as_ref().map(|watch| watch.directory) == current {
            return;
        }
        self.watch = None;
        let Some(directory) = current else { return };
        // Whether a file has been quiet for long enough is for the pass to tell; the events only have to bring it soon, and not each
        // by itself.
        let gathered = (self.debounce / 5).max(Duration::from_millis(1));
        match watch(&self.directory, gathered, self.events.clone()) {
            Ok(debouncer) => {
                self.watch = Some(Watch {
                    _debouncer: debouncer,
                    directory,
                });
                self.polling_only = false;
            }
            Err(error) if !self.polling_only => {
                tracing::warn!(
                    error = %error,
                    poll_interval = ?self.poll_interval,
                    "policy directory cannot be watched: changes are noticed by polling"
                );
                self.polling_only = true;
            }
            Err(_) => {}
        }
    }
}

fn watch(
    directory: &Path,
    debounce: Duration,
    events: Trigger,
) -> notify::Result<Debouncer<RecommendedWatcher, NoCache>> {
    let handler = move |result: DebounceEventResult| {
        // Errors trigger too: after one, only a look at the directory tells what is true.
        if result.map_or(true, |batch| batch.iter().any(concerns_us)) {
            events.send(Signal::Look);
        }
    };
    let mut debouncer =
        new_debouncer_opt(debounce, None, handler, NoCache, notify::Config::default())?;
    // The directory, never a file in it: saving by rename would end a watch on the file.
    debouncer.watch(directory, RecursiveMode::NonRecursive)?;
    Ok(debouncer)
}

/// Reading a module is an event too; without this, every pass would cause the next one.
fn concerns_us(event: &DebouncedEvent) -> bool {
    event.need_rescan() || !matches!(event.kind, EventKind::Access(_))
}
