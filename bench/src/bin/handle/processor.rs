//! What this process has used of the processors.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// What its threads have used since each of them began, by the scheduler's account. Linux only. The threads that have ended
/// are not in it.
pub(crate) fn time() -> Result<Duration> {
    let mut nanoseconds: u64 = 0;
    for thread in fs::read_dir("/proc/self/task").context("the kernel tells nothing of threads")? {
        // One that ends meanwhile is not counted.
        let Ok(stat) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let used = stat.split(' ').next().context("an empty `schedstat`")?;
        nanoseconds += used.trim().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}
