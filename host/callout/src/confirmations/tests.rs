//! Tests of the outcomes of permitted logins.

use portcullis_authority::{
    DecisionLine, RecordedFacts, Recorder, RecorderOptions, WhenRecordsFull,
};
use portcullis_core::{Decision, Permit};

use super::*;
use crate::fixtures::{NOW, permit, request};

/// A queue of records, and the confirmations of one permit whose reply is sent at the start.
struct Stage {
    confirmations: Confirmations,
    refusal: Refusal,
    start: Instant,
}

impl Stage {
    /// Returns a stage after a permit that a server waits for until `patience`.
    async fn new(patience: Option<Duration>) -> Self {
        let start = Instant::now();
        let stage = Self {
            confirmations: Confirmations::default(),
            refusal: Refusal::default(),
            start,
        };
        let gives_up_at = patience.map(|patience| start + patience);
        let waiting = Waiting {
            record: record().await,
            refusal: Arc::clone(&stage.refusal),
            sent_at: start,
        };
        stage.confirmations.settle(start, true);
        let settles_at = settles_at(start, gives_up_at);
        stage.confirmations.hold(waiting, settles_at);
        stage
    }

    /// Settles every quarter of a second up to `until`, and returns the outcome and its time.
    fn outcome(&self, until: Duration, hears: bool) -> Option<(Duration, LoginOutcome)> {
        let mut passed = Duration::ZERO;
        while passed < until {
            passed += INTERVAL;
            let settled = self.confirmations.settle(self.start + passed, hears);
            if let Some(record) = settled.first() {
                return Some((passed, record.record.outcome));
            }
        }
        None
    }
}

async fn record() -> PendingRecord {
    let (recorder, _records) = Recorder::queue(RecorderOptions {
        host_name: String::new(),
        host_version: String::new(),
        start: String::new(),
        facts: RecordedFacts::Shown,
        when_full: WhenRecordsFull::Drop,
        max_pending: RecorderOptions::MAX_PENDING,
    });
    let request = request();
    let decision: Decision = permit(Permit::builder("APP", NOW).finish().unwrap());
    let reserved = recorder.reserve(&request, &decision, None).await.unwrap();
    let line = DecisionLine {
        request: &request,
        decision: &decision,
        elapsed: Duration::ZERO,
        reply: "sent",
        error: None,
        request_id: None,
        trace_id: None,
    };
    let time = std::time::SystemTime::UNIX_EPOCH;
    reserved.fill(&line, LoginOutcome::Unconfirmed, time)
}

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_login_is_admitted_a_second_after_its_server_would_have_given_up() {
    let stage = Stage::new(Some(Duration::from_secs(2))).await;
    let expected = (Duration::from_secs(3), LoginOutcome::Admitted);
    assert_eq!(stage.outcome(LONG, true), Some(expected));
    let stage = Stage::new(None).await;
    let expected = (Duration::from_secs(6), LoginOutcome::Admitted);
    assert_eq!(stage.outcome(LONG, true), Some(expected));
}

#[tokio::test]
async fn a_login_that_its_server_refuses_meanwhile_is_rejected_with_the_reason() {
    let stage = Stage::new(Some(Duration::from_secs(2))).await;
    assert_eq!(stage.outcome(Duration::from_secs(2), true), None);
    stage.refusal.set("no valid account".into()).unwrap();
    let settled = stage
        .confirmations
        .settle(stage.start + Duration::from_secs(3), true);
    let record = &settled.first().unwrap().record;
    assert_eq!(record.outcome, LoginOutcome::Rejected);
    assert_eq!(record.server_reason.as_deref(), Some("no valid account"));
}

#[tokio::test]
async fn a_host_that_cannot_hear_its_servers_confirms_nothing() {
    let stage = Stage::new(Some(Duration::from_secs(2))).await;
    assert_eq!(stage.outcome(Duration::from_secs(1), false), None);
    let (_, outcome) = stage.outcome(LONG, true).unwrap();
    assert_eq!(outcome, LoginOutcome::Unconfirmed);
}

#[tokio::test]
async fn a_permit_whose_events_can_no_longer_be_matched_is_unconfirmed() {
    let Stage {
        confirmations,
        refusal,
        start,
    } = Stage::new(Some(Duration::from_secs(2))).await;
    drop(refusal);
    let settled = confirmations.settle(start + Duration::from_millis(900), true);
    assert!(settled.is_empty());
    for passed in [1800, 2700, 3600] {
        let now = start + Duration::from_millis(passed);
        if let Some(record) = confirmations.settle(now, true).first() {
            assert_eq!(record.record.outcome, LoginOutcome::Unconfirmed);
            return;
        }
    }
    panic!("the record is not settled");
}

#[tokio::test]
async fn after_a_pause_of_the_process_the_events_of_the_pause_are_awaited() {
    let stage = Stage::new(Some(Duration::from_secs(2))).await;
    let after = stage.start + Duration::from_secs(30);
    assert!(stage.confirmations.settle(after, true).is_empty());
    stage.refusal.set("".into()).unwrap();
    let settled = stage.confirmations.settle(after + MARGIN, true);
    let record = &settled.first().unwrap().record;
    assert_eq!(record.outcome, LoginOutcome::Rejected);
    assert_eq!(record.server_reason.as_deref(), Some(""));
}

#[tokio::test]
async fn at_the_end_of_the_host_a_login_that_can_still_be_refused_is_unconfirmed() {
    let stage = Stage::new(Some(Duration::from_secs(2))).await;
    let settled = stage.confirmations.finish(stage.start + INTERVAL);
    let record = &settled.first().unwrap().record;
    assert_eq!(record.outcome, LoginOutcome::Unconfirmed);
}
