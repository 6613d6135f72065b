//! Tests of the queue of decision records.

use std::time::Duration;

use portcullis_core::DenialClass;

use super::*;
use crate::fixtures::request;

fn options(when_full: WhenRecordsFull) -> RecorderOptions {
    RecorderOptions {
        host_name: "portcullis".to_owned(),
        host_version: "0.1.0".to_owned(),
        start: "00".to_owned(),
        facts: RecordedFacts::Shown,
        when_full,
        max_pending: 2 * UNIT,
    }
}

fn record(reserved: Reserved, decision: &Decision) -> PendingRecord {
    let line = DecisionLine {
        request: &request(),
        decision,
        elapsed: Duration::from_micros(7),
        reply: "sent",
        error: None,
        request_id: None,
        trace_id: None,
    };
    reserved.fill(&line, LoginOutcome::Denied, SystemTime::UNIX_EPOCH)
}

#[tokio::test]
async fn a_full_queue_drops_counts_and_leaves_a_gap() {
    let (recorder, mut records) = Recorder::queue(options(WhenRecordsFull::Drop));
    let decision = Decision::deny(DenialClass::PolicyDenied, "no");
    let lost = records.lost();
    let request = request();
    let reserve = || recorder.reserve(&request, &decision, None);
    let first = reserve().await.unwrap();
    let second = reserve().await.unwrap();
    assert!(reserve().await.is_none(), "there is room for two");
    assert_eq!(lost(), 1);
    recorder.send(record(second, &decision));
    recorder.send(record(first, &decision));
    for id in ["00-2", "00-1"] {
        assert_eq!(records.try_next().unwrap().record.id, id);
    }
    let fourth = reserve().await.unwrap();
    assert_eq!(record(fourth, &decision).record.host.sequence, 4);
}

#[tokio::test]
async fn a_login_waits_for_room_if_it_must_until_the_server_gives_up() {
    let (recorder, mut records) = Recorder::queue(options(WhenRecordsFull::Block));
    let decision = Decision::deny(DenialClass::PolicyDenied, "no");
    let request = request();
    for _ in 0..2 {
        let reserved = recorder.reserve(&request, &decision, None).await.unwrap();
        recorder.send(record(reserved, &decision));
    }
    let now = Some(Instant::now());
    assert!(recorder.reserve(&request, &decision, now).await.is_none());
    let waiting = recorder.reserve(&request, &decision, None);
    let taken = async { drop(records.try_next()) };
    let (reserved, ()) = tokio::join!(waiting, taken);
    assert!(reserved.is_some());
}

#[tokio::test]
async fn a_queue_is_blocked_from_a_lost_login_until_half_of_it_is_free() {
    let (recorder, mut records) = Recorder::queue(RecorderOptions {
        max_pending: 4 * UNIT,
        ..options(WhenRecordsFull::Block)
    });
    let decision = Decision::deny(DenialClass::PolicyDenied, "no");
    let request = request();
    for _ in 0..4 {
        let reserved = recorder.reserve(&request, &decision, None).await.unwrap();
        recorder.send(record(reserved, &decision));
    }
    assert!(!recorder.is_blocked(), "no login has waited");
    let now = Some(Instant::now());
    assert!(recorder.reserve(&request, &decision, now).await.is_none());
    assert!(recorder.is_blocked());
    drop(records.try_next());
    assert!(recorder.is_blocked(), "a quarter is free");
    drop(records.try_next());
    assert!(!recorder.is_blocked());
    assert!(!Recorder::default().is_blocked());
}

#[tokio::test]
async fn nothing_is_reserved_if_logins_are_not_recorded() {
    let decision = Decision::deny(DenialClass::PolicyDenied, "no");
    let recorder = Recorder::default();
    assert!(!recorder.is_on());
    assert!(
        recorder
            .reserve(&request(), &decision, None)
            .await
            .is_none()
    );
}
