//! File system calls with a time limit, each on another thread than the caller's.
//!
//! A system call on a hung mount cannot be interrupted. The caller gives up after the limit, and
//! the thread remains until the call returns. At most one thread works on a path. While an earlier
//! thread is stuck on a path, further calls for it fail at once and start no thread.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::ReadError;
use crate::readers;

/// Time limit of every read of a file or a directory: 5 s.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Paths on which a thread works, with the start of that work.
static OUTSTANDING: LazyLock<Mutex<HashMap<PathBuf, Instant>>> = LazyLock::new(Mutex::default);
/// Notification that the thread of some path has ended, for callers that wait for a path.
static ENDED: Condvar = Condvar::new();

/// The claim of one thread on a path, released on drop.
struct Claim(PathBuf);

impl Drop for Claim {
    fn drop(&mut self) {
        OUTSTANDING.lock().remove(&self.0);
        ENDED.notify_all();
    }
}

/// Runs `work` on `path` and returns its result. Waits at most `limit`, including the wait for an
/// earlier caller of the same path.
pub(crate) fn within<T: Send + 'static>(
    path: &Path,
    limit: Duration,
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let deadline = Instant::now() + limit;
    let claim = claim(path, limit, deadline)?;
    let (sender, receiver) = channel();
    readers::run(Box::new(move |reader| {
        let result = work();
        drop(claim);
        reader.become_idle();
        // Sending fails if the caller has given up, which is no fault.
        let _ = sender.send(result);
    }))?;
    let remaining = deadline.saturating_duration_since(Instant::now());
    receiver
        .recv_timeout(remaining)
        .unwrap_or_else(|failure| match failure {
            RecvTimeoutError::Timeout => Err(ReadError::TimedOut { limit }),
            RecvTimeoutError::Disconnected => Err(ReadError::Broken),
        })
}

fn claim(path: &Path, limit: Duration, deadline: Instant) -> Result<Claim, ReadError> {
    let mut outstanding = OUTSTANDING.lock();
    while let Some(started) = outstanding.get(path) {
        let remaining = deadline.saturating_duration_since(Instant::now());
        // A thread that has exceeded its own limit is stuck. Waiting for it would only delay the
        // caller's other files.
        if started.elapsed() >= limit || remaining.is_zero() {
            return Err(ReadError::TimedOut { limit });
        }
        ENDED.wait_for(&mut outstanding, remaining);
    }
    outstanding.insert(path.to_owned(), Instant::now());
    Ok(Claim(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    /// A time limit far beyond what a thread needs to start on a busy machine.
    const LONG: Duration = Duration::from_mins(5);

    #[test]
    fn a_path_that_hangs_has_one_thread_and_is_free_again_when_it_returns() {
        let path = Path::new("/a path that hangs");
        let (release, hung) = channel::<()>();
        let short = Duration::from_millis(20);
        let first = within(path, short, move || {
            let _ = hung.recv();
            Ok(1)
        });
        assert!(
            matches!(first, Err(ReadError::TimedOut { .. })),
            "{first:?}"
        );
        for _ in 0..100 {
            // A second thread would return 2.
            let again = within(path, short, || Ok(2));
            assert!(
                matches!(again, Err(ReadError::TimedOut { .. })),
                "{again:?}"
            );
        }
        release.send(()).unwrap();
        assert_eq!(within(path, LONG, || Ok(3)).unwrap(), 3);
    }

    #[test]
    fn callers_of_one_path_wait_for_each_other_and_all_get_an_answer() {
        let callers: Vec<_> = (0..16)
            .map(|number| {
                std::thread::spawn(move || within(Path::new("/shared"), LONG, move || Ok(number)))
            })
            .collect();
        for (number, caller) in callers.into_iter().enumerate() {
            assert_eq!(caller.join().unwrap().unwrap(), number);
        }
    }

    #[test]
    fn a_thread_that_has_ended_its_work_works_for_the_next_caller() {
        const CALLS: usize = 100;
        let threads: HashSet<_> = (0..CALLS)
            .map(|_| within(Path::new("/again"), LONG, || Ok(thread::current().id())).unwrap())
            .collect();
        // Other tests use the same threads, and may take one of them in between.
        assert!(threads.len() < CALLS / 2, "{} threads", threads.len());
    }

    #[test]
    fn work_that_panics_is_a_failure_and_frees_the_path() {
        let path = Path::new("/a path that panics");
        let broken = within(path, LONG, || -> Result<u8, ReadError> {
            panic!("on purpose")
        });
        assert!(matches!(broken, Err(ReadError::Broken)), "{broken:?}");
        assert_eq!(within(path, LONG, || Ok(3)).unwrap(), 3);
    }
}
