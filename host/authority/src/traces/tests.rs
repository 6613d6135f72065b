//! Tests of traces.

use std::time::Duration;

use parking_lot::Mutex;
use portcullis_core::{Decision, DenialClass, PolicyRef, PolicyStep, StepAnswer};
use portcullis_environment::{Clock as _, ManualClock, SeededRandomness};

use super::*;
use crate::decision_log::DecisionLine;
use crate::fixtures::request;

#[derive(Debug, Default)]
struct Memory(Mutex<Vec<LoginTrace>>);

impl TraceSink for Memory {
    fn send(&self, trace: LoginTrace) {
        self.0.lock().push(trace);
    }
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const MILLISECOND: Duration = Duration::from_millis(1);

fn tracer(one_in: u32) -> (Tracer, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let randomness = Arc::new(SeededRandomness::new(1));
    let sink = Arc::clone(&memory) as Arc<dyn TraceSink>;
    (Tracer::with_randomness(sink, one_in, randomness), memory)
}

#[test]
fn only_a_valid_parent_is_taken_over() {
    let parent: TraceParent = PARENT.parse().unwrap();
    assert_eq!(parent.trace_id_text(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(parent.is_sampled);
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    assert!(
        format!("01-{trace}-{span}-01-more")
            .parse::<TraceParent>()
            .is_ok()
    );
    let unsampled: TraceParent = format!("00-{trace}-{span}-02").parse().unwrap();
    assert!(!unsampled.is_sampled);
    for invalid in [
        "",
        trace,
        &PARENT.replace("00-4", "ff-4"),
        &PARENT.to_uppercase(),
        &format!("{PARENT}-more"),
        &PARENT.replace(trace, &"0".repeat(32)),
        &PARENT.replace(span, &"0".repeat(16)),
        &PARENT.replace("-01", ""),
        &PARENT.replace("-01", "-1"),
    ] {
        assert_eq!(
            invalid.parse::<TraceParent>(),
            Err(InvalidTraceParent),
            "{invalid}"
        );
    }
}

#[test]
fn one_in_some_logins_is_traced_and_a_parent_decides_for_its_own() {
    let (tracer, _) = tracer(10);
    let number = (0..1000).filter(|_| tracer.begin(None).is_some()).count();
    assert!((50..200).contains(&number), "{number}");
    let parent: TraceParent = PARENT.parse().unwrap();
    let trace = tracer.begin(Some(parent)).unwrap();
    assert_eq!(trace.trace_id, parent.trace_id_text());
    let unsampled = TraceParent {
        is_sampled: false,
        ..parent
    };
    assert_eq!(tracer.begin(Some(unsampled)), None);
    assert_eq!(Tracer::default().begin(Some(parent)), None);
}

#[test]
fn a_login_is_a_span_with_one_for_each_stage_and_policy() {
    let (tracer, memory) = tracer(1);
    let clock = ManualClock::new(1_800_000_000);
    let received_at = clock.now();
    let times = StageTimes::new(true);
    for stage in [Stage::Admit, Stage::Identify] {
        clock.advance(MILLISECOND);
        times.end(stage, &clock);
    }
    let digest = portcullis_core::Digest::from_bytes([1; 32]);
    let step = PolicyStep {
        policy: Arc::new(PolicyRef {
            name: "staff".parse().unwrap(),
            digest,
            version: digest,
            generation: 3,
        }),
        is_guard: false,
        answer: StepAnswer::Fail,
        asked: vec!["identity.claim(s3cret)".to_owned()],
        began_at: clock.now(),
        elapsed: 2 * MILLISECOND,
    };
    clock.advance(3 * MILLISECOND);
    times.end(Stage::Decide, &clock);
    let decision = Decision {
        steps: vec![step],
        ..Decision::deny(DenialClass::PolicyTrapped, "s3cret")
    };
    let request = request();
    let line = DecisionLine {
        request: &request,
        decision: &decision,
        elapsed: Duration::ZERO,
        reply: "sent",
        error: None,
        request_id: None,
        trace_id: None,
    };
    let login = FinishedLogin {
        line,
        door: "callout",
        received_at,
        times: &times,
    };
    let parent: TraceParent = PARENT.parse().unwrap();
    let trace = tracer.begin(Some(parent)).unwrap();
    tracer.finish(&trace, &login, clock.now(), clock.wall());

    let sent = memory.0.lock();
    let [trace] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(trace.trace_id, parent.trace_id);
    let [root, admit, identify, decide, policy] = trace.spans.as_slice() else {
        panic!("{trace:?}");
    };
    assert_eq!((root.parent, &*root.name), (Some(parent.span_id), "login"));
    assert_eq!(root.fault, Some("policy-trapped"));
    for (span, name, parent, began, ended) in [
        (admit, "admit", root, 0, 1),
        (identify, "identify", root, 1, 2),
        (decide, "decide", root, 2, 5),
        (policy, "policy staff", decide, 2, 4),
    ] {
        assert_eq!((span.parent, &*span.name), (Some(parent.id), name));
        let since = |at: u64| (at - root.began_at) / 1_000_000;
        assert_eq!(
            (since(span.began_at), since(span.ended_at)),
            (began, ended),
            "{name}"
        );
    }
    let answer = ("policy.answer", SpanValue::Text("fail".to_owned()));
    assert!(policy.attributes.contains(&answer), "{policy:?}");
    assert!(!format!("{trace:?}").contains("s3cret"), "{trace:?}");
}

#[test]
fn times_of_a_login_that_is_not_traced_stay_empty() {
    let clock = ManualClock::new(1_800_000_000);
    let times = StageTimes::default();
    times.end(Stage::Seal, &clock);
    assert_eq!(times.ended().count(), 0);
}
