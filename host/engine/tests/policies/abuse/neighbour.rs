//! The effect of a misbehaving policy on a well-behaved one.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_core::AuthorizationRequest;
use portcullis_engine::Policy;
use portcullis_test_policies::request;

use super::{Abuser, SERVICE, decide};

/// The service of a policy during a span of time.
#[derive(Clone, Copy, Debug)]
struct Service {
    /// The median duration of a decision.
    median: Duration,
    /// The whole duration.
    elapsed: Duration,
    /// The part of the duration in which the thread waited for a lock, a slot or memory, rather
    /// than for a processor.
    blocked: Duration,
}

impl Service {
    /// Measures decisions until they are `enough`. Every one of them must succeed.
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

    /// Returns whether the service is comparable to that of an idle machine.
    ///
    /// The median must be similar: a busy machine hardly changes it, because a decision takes
    /// microseconds and a time slice milliseconds. The thread must not wait for anything other than
    /// a processor.
    fn is_as_good_as(&self, idle: &Self) -> bool {
        /// The maximum ratio of the medians. An abuser that allocates memory may slow down all page
        /// faults.
        const RATIO: u32 = 10;
        self.median <= idle.median * RATIO && self.blocked <= self.elapsed / 2
    }
}

/// Returns the time that this thread has run or waited for a processor. Linux only.
fn ran_or_queued() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let times = text.split_whitespace().take(2);
    Duration::from_nanos(times.map(|time| time.parse::<u64>().unwrap()).sum())
}

#[test]
fn a_neighbour_is_served_throughout() {
    const ATTEMPTS: usize = 3;
    /// A duration that is long compared with the kernel's ticks.
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

/// Returns the result of `measure` while the abuser runs repeatedly. The argument of `measure`
/// returns whether it has run a few times.
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
        // Stops the abuser also if the measurement panics, because the scope waits for it.
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
