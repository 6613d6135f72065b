//! An evaluation that is interrupted when its inline budget is used up, and resumed.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_engine::{Attempt, EvaluationError, Grants, Limits, Policy};
use portcullis_test_policies::{PATIENCE, engine, guest, load, load_with, request, unreadable};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The deadline of policies that never return: long enough to reach their loop on a busy machine.
const DEADLINE: Duration = Duration::from_secs(1);

fn load_patiently(module: &[u8]) -> Policy {
    let limits = Limits {
        deadline: DEADLINE,
        ..Limits::default()
    };
    load_with(&engine(), module, "{}", limits, Grants::default()).unwrap()
}

/// Interrupts a policy once it has logged a line, and resumes it. Returns the numbers of lines
/// before the interruption and in all, and the number of times that the log has its request.
fn heard_of(policy: &Policy) -> [usize; 3] {
    let deadline = Instant::now() + PATIENCE;
    let give_up = |after| match policy.evaluate(request(), deadline).run_inline(after) {
        Attempt::BudgetExceeded(exceeded) => exceeded,
        begun @ Attempt::Decided(_) => panic!("{begun:?}"),
    };
    let mut after = Duration::from_millis(1);
    // Runs once without a subscriber. The first log call asks only the subscriber of its own thread
    // whether to log, and that thread may belong to a different test.
    let _ = give_up(after);
    loop {
        let heard = Heard::default();
        let counted = tracing::subscriber::with_default(heard.clone(), || {
            let attempt = give_up(after);
            let before = heard.lines.load(Ordering::Relaxed);
            if before == 0 {
                return None;
            }
            let error = policy.evaluate(request(), deadline).resume(attempt);
            assert_eq!(error, Err(EvaluationError::Deadline(DEADLINE)));
            let [lines, asked] =
                [&heard.lines, &heard.asked].map(|count| count.load(Ordering::Relaxed));
            Some([before, lines, asked])
        });
        match counted {
            Some(counted) => return counted,
            None => after *= 2,
        }
    }
}

#[test]
fn lines_and_questions_of_an_abandoned_attempt_are_reported_once() {
    let policy = load_patiently(&guest("logs_and_spins"));
    assert_eq!(heard_of(&policy), [1, 1, 1]);
}

#[test]
fn so_are_those_of_a_policy_that_reads_its_settings_again() {
    let policy = load_patiently(&unreadable("logs_and_spins"));
    assert!(!policy.is_snapshotted());
    assert_eq!(heard_of(&policy), [1, 1, 1]);
}

#[test]
fn so_it_is_of_a_policy_whose_instances_are_reused() {
    let policy = load_patiently(&guest("logs_and_spins"));
    let policy = policy.reusing(NonZeroU32::new(3).unwrap());
    assert_eq!(heard_of(&policy), [1, 1, 1]);
}

#[test]
fn a_policy_whose_own_deadline_is_sooner_is_not_given_up() {
    let policy = load("spins").unwrap();
    let deadline = Instant::now() + PATIENCE;
    let begun = policy
        .evaluate(request(), deadline)
        .run_inline(Duration::from_mins(1));
    let limit = Limits::default().deadline;
    let Attempt::Decided(Err(error)) = begun else {
        panic!("{begun:?}")
    };
    assert_eq!(error, EvaluationError::Deadline(limit));
}

/// A counter of policies' log lines, and of the times that the log has a policy's request.
#[derive(Clone, Default)]
struct Heard {
    lines: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("portcullis_engine")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let has = |name| usize::from(event.fields().any(|field| field.name() == name));
        self.lines
            .fetch_add(has("guest.message"), Ordering::Relaxed);
        self.asked.fetch_add(has("policy.asked"), Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
