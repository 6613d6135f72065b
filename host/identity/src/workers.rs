//! A small thread pool for work that needs a limit on concurrency and fixed threads.
//!
//! The pool exists because of memory. A hash takes tens of megabytes, and the allocator keeps such
//! a block with the thread that freed it. Computed on the callers' threads, two hashes at a time
//! left gigabytes allocated.
//!
//! Policies and client addresses take turns. A turn can be long, so a spare thread serves a policy
//! or an address that none of the others serves.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use portcullis_core::Asker;
use portcullis_environment::is_multi_threaded;
use tokio::task::block_in_place;

use crate::fair_queue::{FairQueue, Key};

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when this value is dropped.
pub(crate) struct Workers {
    shared: Arc<Shared>,
}

/// The state that callers and threads share.
struct Shared {
    /// No job runs while the lock is held, so the state is valid after a panic of a job.
    state: Mutex<State>,
    /// Notification of state changes.
    changed: Condvar,
    /// Number of regular threads.
    count: usize,
}

struct State {
    queue: FairQueue<Job>,
    /// Keys of the jobs that run now.
    running: Vec<Key>,
    closed: bool,
}

/// The role of a thread, which determines the jobs that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The thread takes any job.
    Regular,
    /// The thread takes jobs of a policy or an address that no other thread serves, while all
    /// others are busy.
    Spare,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Workers")
            .field("count", &self.shared.count)
            .finish_non_exhaustive()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Workers {
    /// Starts `count` threads and a spare one. If the system refuses to start some, the pool runs
    /// without them. With none at all, every [`run`](Self::run) waits until its deadline.
    pub(crate) fn start(count: NonZeroUsize) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                queue: FairQueue::new(),
                running: Vec::new(),
                closed: false,
            }),
            changed: Condvar::new(),
            count: count.get(),
        });
        let start = |name: String, role| {
            let shared = Arc::clone(&shared);
            let _ = thread::Builder::new()
                .name(name)
                .spawn(move || shared.work(role));
        };
        for number in 0..count.get() {
            start(format!("portcullis-hash-{number}"), Role::Regular);
        }
        start("portcullis-hash-spare".to_owned(), Role::Spare);
        Self { shared }
    }

    /// Runs `work` on one of the threads when it is the turn of `asker`. `None` if it is not done
    /// by `deadline`. Work that has not begun by then never runs.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        asker: Asker<'_>,
        deadline: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let patience = deadline.checked_duration_since(now())?;
        if patience.is_zero() {
            return None;
        }
        let (done, result) = sync_channel(1);
        let job = move || {
            if now() < deadline {
                // Sending fails if the caller has given up.
                let _ = done.send(work());
            }
        };
        if !self.shared.push(asker.into(), Box::new(job)) {
            return None;
        }
        away(|| result.recv_timeout(patience).ok())
    }
}

impl Shared {
    fn push(&self, key: Key, job: Job) -> bool {
        let queued = self.state.lock().queue.push(key, job);
        // Whether a thread may take the job depends on the thread, so all of them check.
        self.changed.notify_all();
        queued
    }

    fn work(&self, role: Role) {
        while let Some((key, job)) = self.next(role) {
            // A panic ends only its own job. The thread continues with the next one.
            let _ = catch_unwind(AssertUnwindSafe(job));
            let mut state = self.state.lock();
            let place = state.running.iter().position(|running| *running == key);
            if let Some(place) = place {
                state.running.swap_remove(place);
            }
        }
    }

    /// Waits for a job that a thread of this role may take. `None` once the pool is closed.
    fn next(&self, role: Role) -> Option<(Key, Job)> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some((key, job)) = state.take(role, self.count) {
                state.running.push(key.clone());
                drop(state);
                // With this thread busy, the spare one may have a job to take.
                self.changed.notify_all();
                return Some((key, job));
            }
            self.changed.wait(&mut state);
        }
    }
}

impl State {
    fn take(&mut self, role: Role, count: usize) -> Option<(Key, Job)> {
        if role == Role::Regular {
            return self.queue.pop();
        }
        let Self { queue, running, .. } = self;
        if running.len() < count {
            return None;
        }
        let of_other_policy = |key: &Key| !running.iter().any(|busy| busy.is_same_policy(key));
        queue
            .pop_if(of_other_policy)
            .or_else(|| queue.pop_if(|key| !running.contains(key)))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a deadline ends real work, so it is in real time"
)]
fn now() -> Instant {
    Instant::now()
}

/// Waits, and releases the thread meanwhile if it belongs to a multi-threaded runtime.
fn away<T>(wait: impl FnOnce() -> T) -> T {
    if is_multi_threaded() {
        block_in_place(wait)
    } else {
        wait()
    }
}

#[cfg(test)]
impl Workers {
    /// Occupies one thread for `asker` until the sender is dropped. Returns once it is occupied.
    pub(crate) fn occupy(&self, asker: Asker<'_>) -> std::sync::mpsc::Sender<()> {
        use std::sync::mpsc::channel;

        let (release, held) = channel::<()>();
        let (begun, begins) = channel();
        let job = move || {
            let _ = begun.send(());
            let _ = held.recv();
        };
        assert!(self.shared.push(asker.into(), Box::new(job)));
        begins.recv().unwrap();
        release
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_mins(1);

    /// A policy and a client.
    const A: Asker<'_> = Asker {
        policy: "a",
        address: Some("10.0.0.1"),
    };
    /// Another client of the policy of `A`.
    const A2: Asker<'_> = Asker {
        policy: "a",
        address: Some("10.0.0.2"),
    };
    /// Another policy.
    const B: Asker<'_> = Asker {
        policy: "b",
        address: Some("10.0.0.1"),
    };

    fn workers(count: usize) -> Workers {
        Workers::start(NonZeroUsize::new(count).unwrap())
    }

    #[test]
    fn no_more_is_done_at_once_than_there_are_threads() {
        let workers = workers(2);
        let _first = workers.occupy(A);
        let second = workers.occupy(A);
        assert_eq!(workers.run(A, Instant::now() + SOON, || 7), None);
        drop(second);
        assert_eq!(workers.run(A, Instant::now() + LATE, || 7), Some(7));
    }

    #[test]
    fn one_policy_does_not_take_every_thread() {
        let workers = workers(2);
        let _held = [workers.occupy(A), workers.occupy(A)];
        assert_eq!(workers.run(A, Instant::now() + SOON, || 7), None);
        assert_eq!(workers.run(B, Instant::now() + LATE, || 7), Some(7));
    }

    #[test]
    fn one_address_does_not_take_every_thread() {
        let workers = workers(2);
        let _held = [workers.occupy(A), workers.occupy(A)];
        assert_eq!(workers.run(A2, Instant::now() + LATE, || 7), Some(7));
    }

    #[test]
    fn the_spare_thread_is_for_one_job_at_a_time() {
        let workers = workers(1);
        let _held = [workers.occupy(A), workers.occupy(B)];
        assert_eq!(workers.run(A2, Instant::now() + SOON, || 7), None);
    }

    #[test]
    fn what_is_too_late_is_never_begun() {
        let workers = workers(1);
        let (begun, begins) = channel();
        let busy = workers.occupy(A);
        let job = move || begun.send(());
        assert_eq!(workers.run(A, Instant::now() + SOON, job), None);
        drop(busy);
        assert_eq!(workers.run(A, Instant::now() + LATE, || 7), Some(7));
        assert!(begins.try_recv().is_err());
        assert_eq!(
            workers.run(A, Instant::now(), || 7),
            None,
            "a deadline in the past"
        );
    }

    #[test]
    fn a_panic_costs_no_thread() {
        let workers = workers(1);
        let none: Option<()> = workers.run(A, Instant::now() + LATE, || panic!("on purpose"));
        assert_eq!(none, None);
        assert_eq!(workers.run(A, Instant::now() + LATE, || 7), Some(7));
    }

    #[test]
    fn a_waiting_caller_frees_its_thread() {
        let workers = Workers::start(NonZeroUsize::MIN);
        let release = workers.occupy(A);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let patience = Duration::from_secs(30);
        runtime.block_on(async {
            let far = Instant::now() + patience;
            let waiting = tokio::spawn(async move { workers.run(A, far, || 7) });
            // This task runs later on the same thread.
            let other = tokio::time::timeout(patience / 3, tokio::spawn(async {}));
            assert!(other.await.is_ok(), "the thread is kept");
            assert!(!waiting.is_finished());
            drop(release);
            assert_eq!(waiting.await.unwrap(), Some(7));
        });
    }
}
