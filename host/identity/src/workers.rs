//! A few threads for work that must not run all at once, nor everywhere.
//!
//! Threads of their own, because of the memory: a hash takes tens of megabytes, and the allocator keeps such a block with the thread that
//! freed it. Computed on whichever thread asks, two hashes at a time left gigabytes behind.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Workers {
    jobs: Sender<Job>,
}

impl Workers {
    /// Starts `count` threads. Those that the system refuses are missing: with none at all, every [`run`](Self::run)
    /// waits until its deadline.
    pub(crate) fn start(count: NonZeroUsize) -> Self {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..count.get() {
            let queue = Arc::clone(&queue);
            let _ = thread::Builder::new()
                .name(format!("portcullis-hash-{number}"))
                .spawn(move || work(&queue));
        }
        Self { jobs }
    }

    /// Has `work` done by one of the threads, in the order of the calls; none if it is not done by `deadline`. What has
    /// not begun by then never does.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let patience = deadline.checked_duration_since(Instant::now())?;
        if patience.is_zero() {
            return None;
        }
        let (done, result) = sync_channel(1);
        let job = move || {
            if Instant::now() < deadline {
                // Nobody waits any longer for what comes too late.
                let _ = done.send(work());
            }
        };
        self.jobs.send(Box::new(job)).ok()?;
        away(|| result.recv_timeout(patience).ok())
    }
}

/// Waits, and meanwhile gives the place of this thread to another, if it is one of a runtime that serves others too.
fn away<T>(wait: impl FnOnce() -> T) -> T {
    let runtime = Handle::try_current();
    if runtime.is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread) {
        block_in_place(wait)
    } else {
        wait()
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A panic is the job's own; the thread is for the next one.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
impl Workers {
    /// Keeps one thread busy until the sender is dropped; returns once it is.
    pub(crate) fn occupy(&self) -> Sender<()> {
        let (release, held) = channel::<()>();
        let (begun, begins) = channel();
        let job = move || {
            let _ = begun.send(());
            let _ = held.recv();
        };
        self.jobs.send(Box::new(job)).unwrap();
        begins.recv().unwrap();
        release
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_mins(1);

    fn workers(count: usize) -> Workers {
        Workers::start(NonZeroUsize::new(count).unwrap())
    }

    #[test]
    fn no_more_is_done_at_once_than_there_are_threads() {
        let workers = workers(2);
        let _first = workers.occupy();
        let second = workers.occupy();
        assert_eq!(workers.run(Instant::now() + SOON, || 7), None);
        drop(second);
        assert_eq!(workers.run(Instant::now() + LATE, || 7), Some(7));
    }

    #[test]
    fn what_is_too_late_is_never_begun() {
        let workers = workers(1);
        let (begun, begins) = channel();
        let busy = workers.occupy();
        let job = move || begun.send(());
        assert_eq!(workers.run(Instant::now() + SOON, job), None);
        drop(busy);
        assert_eq!(workers.run(Instant::now() + LATE, || 7), Some(7));
        assert!(begins.try_recv().is_err());
        assert_eq!(
            workers.run(Instant::now(), || 7),
            None,
            "a deadline in the past"
        );
    }

    #[test]
    fn a_panic_costs_no_thread() {
        let workers = workers(1);
        let none: Option<()> = workers.run(Instant::now() + LATE, || panic!("on purpose"));
        assert_eq!(none, None);
        assert_eq!(workers.run(Instant::now() + LATE, || 7), Some(7));
    }

    #[test]
    fn who_waits_gives_its_place_to_others() {
        let workers = Workers::start(NonZeroUsize::MIN);
        let release = workers.occupy();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let patience = Duration::from_secs(30);
        runtime.block_on(async {
            let far = Instant::now() + patience;
            let waiting = tokio::spawn(async move { workers.run(far, || 7) });
            // Runs after it, on the same thread.
            let other = tokio::time::timeout(patience / 3, tokio::spawn(async {}));
            assert!(other.await.is_ok(), "the thread is kept");
            assert!(!waiting.is_finished());
            drop(release);
            assert_eq!(waiting.await.unwrap(), Some(7));
        });
    }
}
