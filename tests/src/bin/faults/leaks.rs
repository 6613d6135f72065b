//! What processes hold before and after.

use std::time::Duration;

use anyhow::Result;
use portcullis_tests::Gauge;
use tokio::time::{Instant, sleep};

/// How long a process may take to let go of what it no longer needs: idle threads live for ten seconds.
pub(crate) const SETTLING: Duration = Duration::from_secs(30);
/// How often to look whether it has.
const LOOK: Duration = Duration::from_millis(100);
/// How much memory may grow beyond half of what there was, in KiB: caches and what the allocator keeps.
const MEMORY: u64 = 32 * 1024;
/// How many more threads there may be: a runtime keeps a few.
const THREADS: u64 = 4;

/// A process before and after a fault; not the same one if the fault was its end.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) process: &'static str,
    pub(crate) before: Gauge,
    pub(crate) after: Gauge,
}

impl Watched {
    /// Waits until the process `id` holds no more than `before` allows, or has had time enough for it.
    pub(crate) async fn settled(process: &'static str, before: Gauge, id: u32) -> Result<Self> {
        let late = Instant::now() + SETTLING;
        loop {
            let watched = Self {
                process,
                before,
                after: Gauge::of(id)?,
            };
            if watched.leaks().is_none() || Instant::now() > late {
                return Ok(watched);
            }
            sleep(LOOK).await;
        }
    }

    /// What it holds that it should not.
    pub(crate) fn leaks(&self) -> Option<String> {
        let (before, after) = (self.before, self.after);
        if after.sockets > before.sockets {
            return Some(format!("{} keeps sockets", self.process));
        }
        if after.threads > before.threads + THREADS {
            return Some(format!("{} keeps threads", self.process));
        }
        if after.memory > before.memory + before.memory / 2 + MEMORY {
            return Some(format!("{} keeps memory", self.process));
        }
        None
    }
}
