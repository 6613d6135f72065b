//! The order in which versions are proved while policies serve. A slow proof delays no other
//! policy.
//!
//! A lane is a queue with a concurrency limit. Versions of known policies, which proved well
//! before, share one lane. The versions of other policies share another lane, in which one proof
//! runs at a time. Those policies have no good version, or their last proofs ended without a
//! verdict. Both lanes are first come, first served. A proof that runs for [`OVERDUE`] no longer
//! blocks the lane of known policies.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use portcullis_environment::Clock;

use crate::loader::Job;
use crate::stop::Stop;

/// Time after which a proof of a known policy no longer delays the next one.
const OVERDUE: Duration = Duration::from_secs(1);
/// Maximum number of known policies that are proved at the same time. Each proof takes memory.
const MAX_KNOWN: usize = 3;
/// Maximum number of threads: [`MAX_KNOWN`] for known policies, and one for the other policies.
const MAX_WORKERS: usize = MAX_KNOWN + 1;
/// Interval at which a waiting thread checks whether a proof is overdue.
const GLANCE: Duration = Duration::from_millis(50);

/// The versions that wait for their proof, and the threads that prove them. A thread ends when no
/// version waits.
#[derive(Debug)]
pub(crate) struct Lanes {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    running: Vec<Running>,
    workers: usize,
}

#[derive(Debug)]
struct Running {
    ticket: u64,
    is_known: bool,
    since: Instant,
    cancel: Stop,
}

impl State {
    /// Removes and returns the first job whose lane is free, and records it as running.
    fn next(&mut self, now: Instant) -> Option<Job> {
        let known = self.running.iter().filter(|running| running.is_known);
        let is_fresh = |running: &&Running| now.saturating_duration_since(running.since) < OVERDUE;
        let known_free =
            known.clone().count() < MAX_KNOWN && !known.clone().any(|one| is_fresh(&one));
        let other_free = self.running.iter().all(|running| running.is_known);
        let mut waiting = self.waiting.iter();
        let first = waiting.position(|job| {
            // A cancelled job ends at once, so it needs no lane.
            job.cancel.is_stopped() || if job.is_known { known_free } else { other_free }
        })?;
        let job = self.waiting.remove(first)?;
        self.running.push(Running {
            ticket: job.ticket,
            is_known: job.is_known,
            since: now,
            cancel: job.cancel.clone(),
        });
        Some(job)
    }
}

/// A running job. Dropping it frees its lane, also after a panic.
struct Lane<'a> {
    lanes: &'a Lanes,
    job: Job,
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        let ticket = self.job.ticket;
        let mut state = self.lanes.state.lock();
        state.running.retain(|running| running.ticket != ticket);
        drop(state);
        self.lanes.changed.notify_all();
    }
}

impl Lanes {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Queues `jobs` and starts threads that call `run` with each. If the host cannot start a
    /// thread, the caller's thread runs the jobs.
    pub(crate) fn add(
        self: &Arc<Self>,
        jobs: Vec<Job>,
        run: impl Fn(&Job) + Clone + Send + 'static,
    ) {
        let mut wanted = jobs.len();
        self.state.lock().waiting.extend(jobs);
        self.changed.notify_all();
        while wanted > 0 && self.enlist() {
            wanted = wanted.saturating_sub(1);
            let (lanes, run_of_thread) = (Arc::clone(self), run.clone());
            let thread = Builder::new().name("portcullis-prove".to_owned());
            if let Err(error) = thread.spawn(move || lanes.work(&run_of_thread)) {
                tracing::warn!(error = %error, "no thread can be made: policies are loaded one by one");
                self.work(&run);
                return;
            }
        }
    }

    /// Cancels every job that waits or runs.
    pub(crate) fn cancel(&self) {
        let state = self.state.lock();
        let waiting = state.waiting.iter().map(|job| &job.cancel);
        let running = state.running.iter().map(|running| &running.cancel);
        waiting.chain(running).for_each(Stop::stop);
    }

    /// Counts one more thread and returns `true`, if fewer than [`MAX_WORKERS`] run.
    fn enlist(&self) -> bool {
        let mut state = self.state.lock();
        let is_free = state.workers < MAX_WORKERS;
        if is_free {
            state.workers = state.workers.saturating_add(1);
        }
        is_free
    }

    /// Runs jobs until none waits.
    fn work(&self, run: &impl Fn(&Job)) {
        while let Some(job) = self.next() {
            let lane = Lane { lanes: self, job };
            run(&lane.job);
        }
    }

    /// Waits for a job whose lane is free. Returns `None` and uncounts the thread if no job waits.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.next(self.clock.now()) {
                return Some(job);
            }
            if state.waiting.is_empty() {
                state.workers = state.workers.saturating_sub(1);
                return None;
            }
            self.changed.wait_for(&mut state, GLANCE);
        }
    }
}
