//! The resources of processes before and after a fault.

use std::time::Duration;

use anyhow::Result;
use portcullis_harness::Gauge;
use tokio::time::{Instant, sleep};

/// The maximum time in which a process must release resources: idle threads live for ten seconds.
pub(crate) const SETTLING: Duration = Duration::from_secs(30);
/// The interval of polling the resources.
const LOOK: Duration = Duration::from_millis(100);
/// The allowed growth of memory in addition to half of what was held, in KiB, for caches and the
/// allocator's reserve.
const MEMORY: u64 = 32 * 1024;
/// The allowed number of additional threads: a runtime keeps a few.
const THREADS: u64 = 4;

/// A process before and after a fault. If the fault ended the process, `after` is of its successor.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) process: &'static str,
    pub(crate) before: Gauge,
    pub(crate) after: Gauge,
}

impl Watched {
    /// Waits until the process `id` holds no more than `before` allows, or [`SETTLING`] has passed.
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

    /// Returns the resource that the process leaks; `None` if it leaks none.
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
