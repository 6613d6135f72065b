//! Where policies are asked: on the spot as long as they are quick, and on a thread of their own when they take long.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_catalog::Catalog;
use portcullis_core::{AuthorizationRequest, Authorizer, Decision, DenialClass, Outcome};
use portcullis_engine::{EvaluationError, Limits, Policy};
use tokio::runtime::Builder;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::settings::unreadable;
use crate::site::{PATIENCE, Site};
use crate::support::{load, load_bytes, request};

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
    site.put("a.wasm", &crate::support::guest("abstains"));
    site.put("b.wasm", &crate::support::guest("spins"));
    site.put("b.toml", b"[limits]\ndeadline = \"3s\"\n");
    let (catalog, report) = site.open();
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    let request = request();
    let runtime = Builder::new_multi_thread().worker_threads(1).build();
    runtime.unwrap().block_on(async {
        let slow = tokio::spawn(authorize(catalog, request));
        // Runs after it, on the same thread.
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
    site.put("a.wasm", &crate::support::guest("counts"));
    let (catalog, _) = site.open();
    let request = request();
    let runtime = Builder::new_current_thread().build().unwrap();
    let decision = runtime.block_on(authorize(catalog, request));
    assert_eq!(class(&decision), Some(DenialClass::PolicyDenied));
}

/// Lets a policy be given up and asked again. What it logged before, and after, and how often the log has what it asked.
fn heard_of(policy: &Policy) -> [usize; 3] {
    let heard = Heard::default();
    tracing::subscriber::with_default(heard.clone(), || {
        let deadline = Instant::now() + PATIENCE;
        let begun = policy.begin(request(), deadline, Duration::from_millis(1));
        let Err(attempt) = begun else {
            panic!("{begun:?}")
        };
        let before = heard.lines.load(Ordering::Relaxed);
        let error = policy.decide_after(attempt, request(), deadline);
        let limit = Limits::default().deadline;
        assert_eq!(error, Err(EvaluationError::Deadline(limit)));
        let [lines, asked] =
            [&heard.lines, &heard.asked].map(|count| count.load(Ordering::Relaxed));
        [before, lines, asked]
    })
}

#[test]
fn what_a_policy_logs_and_asks_before_it_is_given_up_is_told_once() {
    assert_eq!(heard_of(&load("logs_and_spins").unwrap()), [1, 1, 1]);
}

#[test]
fn so_it_is_of_a_policy_that_takes_its_settings_anew() {
    let policy = load_bytes(&unreadable("logs_and_spins")).unwrap();
    assert!(!policy.is_snapshotted());
    assert_eq!(heard_of(&policy), [1, 1, 1]);
}

#[test]
fn so_it_is_of_a_policy_whose_instances_are_reused() {
    let policy = load("logs_and_spins").unwrap();
    let policy = policy.reusing(NonZeroU32::new(3).unwrap());
    assert_eq!(heard_of(&policy), [1, 1, 1]);
}

#[test]
fn a_policy_whose_own_deadline_is_sooner_is_not_given_up() {
    let policy = load("spins").unwrap();
    let deadline = Instant::now() + PATIENCE;
    let begun = policy.begin(request(), deadline, Duration::from_mins(1));
    let limit = Limits::default().deadline;
    let Ok(Err(error)) = begun else {
        panic!("{begun:?}")
    };
    assert_eq!(error, EvaluationError::Deadline(limit));
}

/// Counts what policies log, and how often the log has what one asked.
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
