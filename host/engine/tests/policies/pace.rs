//! The thread of a decision: inline for quick policies, and a thread of the blocking pool for slow
//! ones.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_catalog::{Catalog, CatalogOptions, MaxLimits};
use portcullis_core::{AuthorizationRequest, Authorizer, Decision, DenialClass, Outcome};
use portcullis_engine::{Attempt, EvaluationError, Grants, Limits, Policy};
use tokio::runtime::Builder;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::settings::unreadable;
use crate::site::{PATIENCE, Site, open};
use crate::support::{engine, guest, load, load_with, request};

async fn authorize(catalog: Catalog, request: Arc<AuthorizationRequest>) -> Decision {
    catalog.authorize(request, Instant::now() + PATIENCE).await
}

fn class(decision: &Decision) -> Option<DenialClass> {
    match &decision.outcome {
        Outcome::Permit(_) => None,
        Outcome::Deny(denial) => Some(denial.class),
    }
}

#[test]
fn a_policy_that_takes_long_does_not_keep_the_thread_that_all_share() {
    let site = Site::new(&[]);
    site.put("a.wasm", &guest("abstains"));
    site.put("b.wasm", &guest("fails_for"));
    site.put(
        "b.toml",
        b"[settings]\nusername = \"alice\"\nhow = \"spins\"\n[limits]\ndeadline = \"3s\"\n",
    );
    let max_limits = MaxLimits {
        limits: Limits::MAX,
        ..MaxLimits::default()
    };
    let (catalog, report) = open(CatalogOptions {
        max_limits,
        ..site.options()
    });
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    let request = request();
    let runtime = Builder::new_multi_thread().worker_threads(1).build();
    runtime.unwrap().block_on(async {
        let slow = tokio::spawn(authorize(catalog, request));
        // This task runs after the decision's first poll, on the same thread.
        tokio::spawn(async {}).await.unwrap();
        assert!(!slow.is_finished());
        let decision = slow.await.unwrap();
        assert_eq!(class(&decision), Some(DenialClass::PolicyDeadline));
        let abstained = decision.abstained.iter().map(ToString::to_string);
        assert_eq!(abstained.collect::<Vec<_>>(), ["a"]);
        assert_eq!(decision.policy.unwrap().name.to_string(), "b");
    });
}

#[test]
fn a_runtime_with_one_thread_is_not_kept_at_all() {
    let site = Site::new(&[]);
    site.put("a.wasm", &guest("counts"));
    let (catalog, _) = site.open();
    let request = request();
    let runtime = Builder::new_current_thread().build().unwrap();
    let decision = runtime.block_on(authorize(catalog, request));
    assert_eq!(class(&decision), Some(DenialClass::PolicyDenied));
}

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
fn what_a_policy_logs_and_asks_before_it_is_given_up_is_told_once() {
    let policy = load_patiently(&guest("logs_and_spins"));
    assert_eq!(heard_of(&policy), [1, 1, 1]);
}

#[test]
fn so_it_is_of_a_policy_that_takes_its_settings_anew() {
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
