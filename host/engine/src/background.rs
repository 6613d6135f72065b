//! Work that leaves the processors to whoever else wants them.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// How much its threads give way, in the steps of `nice(2)`: beside a thread that wants all of a processor, one of these gets about a
/// tenth of it. Not the most there is, so that a machine without any time to spare still gets a new version of a policy done.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Runs `work`, and what it spreads over threads by way of rayon, on threads of low priority, and waits for it. Where there are none
/// to be had, it runs as anything else does.
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
        .start_handler(|_| give_way())
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

/// Lowers the priority of this thread. Elsewhere than on Linux that would be the whole process's.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(
            error = %error,
            "a thread keeps its priority: compiling policies competes with logins"
        );
    }
}
