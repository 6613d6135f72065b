//! Compilation on threads of low priority.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Niceness of the threads, in the steps of `nice(2)`. Next to a thread that could use a whole
/// processor, one of these gets about a tenth of it. This is not the maximum, so that a machine at
/// full load still finishes a new version of a policy.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Runs `work`, and what it distributes through rayon, on threads of low priority, and waits for
/// it. Runs it on the caller's thread if no such threads are available.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    static THREADS: OnceLock<Option<ThreadPool>> = OnceLock::new();
    match THREADS.get_or_init(threads) {
        Some(threads) => threads.install(work),
        None => work(),
    }
}

fn threads() -> Option<ThreadPool> {
    let threads = ThreadPoolBuilder::new()
        .thread_name(|number| format!("portcullis-compile-{number}"))
        .start_handler(|_| lower_priority())
        .build();
    threads
        .inspect_err(|error| {
            tracing::warn!(
                error = %error,
                "no threads of low priority: compiling policies competes with logins"
            );
        })
        .ok()
}

/// Lowers the priority of this thread. Only on Linux, because elsewhere `nice` applies to the whole
/// process.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(
            error = %error,
            "a thread keeps its priority: compiling policies competes with logins"
        );
    }
}
