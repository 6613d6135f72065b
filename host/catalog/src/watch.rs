//! Reloading of a catalog when its directory changes.
//!
//! An event says only *when* to scan, not what happened. Every trigger reads the whole directory
//! and compares digests. Renaming editors, the symlink swaps of Kubernetes and overflowing event
//! queues need no special case. The poll covers network file systems that send no events.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use portcullis_files::{DirectoryId, Disk};

use crate::catalog::Catalog;
use crate::directory::DirectoryError;
use crate::events::{DirectoryEvents, Watching};
use crate::loader::Pass;

/// An error of starting the watcher's thread.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the thread that watches the policy directory")]
pub struct WatchError(#[source] io::Error);

/// A thread that watches a catalog's directory until the watcher is dropped.
#[derive(Debug)]
pub struct Watcher {
    catalog: Catalog,
    trigger: Trigger,
    /// Channel that closes when the thread ends. It carries no messages.
    ended: Receiver<()>,
}

/// Maximum time that dropping a watcher waits for its thread. A thread that loads a policy, or
/// waits for a file that hangs, continues in the background. It ends with its pass or with the
/// process.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// A handle that requests passes over the directory.
#[derive(Clone, Debug)]
pub struct Trigger(Sender<Signal>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// An event on the directory.
    Look,
    /// A request for a reload.
    LookAgain,
    Stop,
}

impl Trigger {
    /// Requests a pass like SIGHUP does. The pass does not wait for files to be quiet, and repeats
    /// failed attempts. Returns at once; one pass answers all pending requests.
    pub fn reload(&self) {
        self.send(Signal::LookAgain);
    }

    fn send(&self, signal: Signal) {
        // If the receiver is gone, the watcher has stopped.
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
    /// Fails if the host cannot start a thread. A directory that cannot be watched is not an error:
    /// the host polls it, and the log says so.
    pub fn start(catalog: Catalog) -> Result<Self, WatchError> {
        let (sender, signals) = channel();
        let trigger = Trigger(sender);
        let mut task = Task::new(catalog.clone(), trigger.clone());
        let (ending, ended) = channel();
        std::thread::Builder::new()
            .name("portcullis-reload".to_owned())
            .spawn(move || {
                task.run(&signals);
                // The watch closes before `Drop` learns of the end.
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

    /// Returns a handle that requests passes.
    pub fn trigger(&self) -> Trigger {
        self.trigger.clone()
    }
}

struct Task {
    catalog: Catalog,
    disk: Arc<dyn Disk>,
    source: Arc<dyn DirectoryEvents>,
    directory: PathBuf,
    poll_interval: Duration,
    debounce: Duration,
    events: Trigger,
    watch: Option<Watch>,
    /// Whether the log already says that the directory cannot be watched.
    polling_only: bool,
    /// The error of the directory that the log already contains.
    unreadable: Option<String>,
}

/// An armed watch, and the identity of its directory. A directory that was deleted and made again
/// has another identity.
struct Watch {
    _watching: Box<dyn Watching>,
    directory: DirectoryId,
}

impl Task {
    fn new(catalog: Catalog, events: Trigger) -> Self {
        let options = catalog.options();
        Self {
            catalog,
            disk: options.disk,
            source: options.events,
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
            // The pass comes after arming, so that no event is lost between the two. A panic in a
            // pass must not end reloading.
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
            // One pass answers all requests that have arrived.
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

    /// Runs a pass. Returns whether another pass is needed soon.
    fn pass(&mut self, again: bool) -> bool {
        let pass = if again {
            Pass::Again
        } else {
            Pass::Settled(self.debounce)
        };
        match self.catalog.queue_changes(pass) {
            Ok(report) => {
                if self.unreadable.take().is_some() {
                    tracing::info!("policy directory can be read again");
                }
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

    /// Arms the watch, also on a directory that replaced the watched one.
    fn arm(&mut self) {
        let current = self.disk.directory_id(&self.directory).ok();
        if current.is_some() && self.watch.as_ref().map(|watch| watch.directory) == current {
            return;
        }
        self.watch = None;
        let Some(directory) = current else { return };
        // The pass checks whether a file has been quiet for long enough. Events only have to start
        // a pass soon, and in batches.
        let gathered = (self.debounce / 5).max(Duration::from_millis(1));
        let events = self.events.clone();
        let changed = Box::new(move || events.send(Signal::Look));
        match self.source.watch(&self.directory, gathered, changed) {
            Ok(watching) => {
                self.watch = Some(Watch {
                    _watching: watching,
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
