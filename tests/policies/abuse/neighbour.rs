//! What a policy that behaves notices of one that does not.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_core::AuthorizationRequest;
use portcullis_engine::Policy;

use super::{Abuser, SERVICE, decide};
use crate::support::request;

/// How a policy was served for a while.
#[derive(Clone, Copy, Debug)]
struct Service {
    /// Of its decisions.
    median: Duration,
    /// What it took altogether.
    elapsed: Duration,
    /// The part of it in which the thread waited for something other than a processor: a lock, a slot, memory.
    blocked: Duration,
}

impl Service {
    /// Of as many decisions as it takes until there are `enough`; every one of them has to succeed.
    fn of(
        policy: &Policy,
        request: &Arc<AuthorizationRequest>,
        enough: impl Fn(Duration) -> bool,
    ) -> Self {
        let (begun, ran_before) = (Instant::now(), ran_or_queued());
        let mut times = Vec::new();
        while times.is_empty() || !enough(begun.elapsed()) {
            let before = Instant::now();
            assert!(decide(policy, request).is_ok());
            times.push(before.elapsed());
        }
        let elapsed = begun.elapsed();
        let ran = ran_or_queued().saturating_sub(ran_before);
        let middle = times.len() / 2;
        Self {
            median: *times.select_nth_unstable(middle).1,
            elapsed,
            blocked: elapsed.saturating_sub(ran),
        }
    }

    /// Neither slow when it is its turn, which a busy machine hardly changes: a decision takes microseconds, a turn milliseconds;
    /// nor kept waiting by anything but a busy machine.
    fn is_as_good_as(&self, idle: &Self) -> bool {
        /// An abuser that keeps memory moving may slow down everybody's page faults.
        const RATIO: u32 = 10;
        self.median <= idle.median * RATIO && self.blocked <= self.elapsed / 2
    }
}

/// How long this thread has run, or stood in line for a processor. Linux only.
fn ran_or_queued() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let times = text.split_whitespace().take(2);
    Duration::from_nanos(times.map(|time| time.parse::<u64>().unwrap()).sum())
}

#[test]
fn a_neighbour_is_served_throughout() {
    const ATTEMPTS: usize = 3;
    /// Long beside the ticks in which the kernel counts.
    const WHILE: Duration = Duration::from_millis(100);
    let request = request();
    let serve =
        |enough: &dyn Fn(Duration) -> bool| Service::of(&SERVICE.neighbour, &request, enough);
    for abuser in &SERVICE.abusers {
        let mut attempts = Vec::new();
        let served = (0..ATTEMPTS).any(|_| {
            let idle = serve(&|elapsed| elapsed >= WHILE / 10);
            let beside = beside(abuser, |finished| {
                serve(&|elapsed| elapsed >= WHILE && finished())
            });
            attempts.push((idle, beside));
            beside.is_as_good_as(&idle)
        });
        assert!(served, "{}: (idle, beside) {attempts:#?}", abuser.name);
    }
}

/// What `measure` finds while the abuser is at it again and again, until it has been a few times.
fn beside<T>(abuser: &Abuser, measure: impl FnOnce(&dyn Fn() -> bool) -> T) -> T {
    const TIMES: usize = 3;
    let (begun, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                begun.fetch_add(1, Ordering::Relaxed);
                abuser.run();
            }
        });
        while begun.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        // However the measurement ends: the scope waits for the abuser.
        let _stop = StopOnDrop(&stop);
        measure(&|| begun.load(Ordering::Relaxed) > TIMES)
    })
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
