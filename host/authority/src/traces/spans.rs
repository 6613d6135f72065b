//! The spans of a login. They have names, methods, verdicts, classes and durations, and neither
//! secrets nor claims nor reasons, which policies write.

use std::borrow::Cow;
use std::time::Instant;

use portcullis_core::{Blame, Outcome, PolicyStep};
use portcullis_environment::Randomness;

use super::active::ActiveTrace;
use super::stages::{Stage, StageTimes};
use super::wall_clock::WallClock;
use crate::decision_log::DecisionLine;

/// A login whose reply is sent, or will not be.
#[derive(Clone, Copy, Debug)]
pub struct FinishedLogin<'a> {
    /// The decision with its facts.
    pub line: DecisionLine<'a>,
    /// The front door, such as `callout`.
    pub door: &'static str,
    /// The arrival of the request.
    pub received_at: Instant,
    /// The ends of the stages.
    pub times: &'a StageTimes,
}

/// The trace of one login: the span of the login first, and those of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginTrace {
    /// Id of the trace.
    pub trace_id: [u8; 16],
    /// The spans.
    pub spans: Vec<LoginSpan>,
}

/// A span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSpan {
    /// Id of the span.
    pub id: [u8; 8],
    /// Id of the span that this one is a part of. `None` for the first span of a trace.
    pub parent: Option<[u8; 8]>,
    /// Name.
    pub name: Cow<'static, str>,
    /// Begin, in nanoseconds since the Unix epoch.
    pub began_at: u64,
    /// End, in nanoseconds since the Unix epoch.
    pub ended_at: u64,
    /// Attributes.
    pub attributes: Vec<(&'static str, SpanValue)>,
    /// The class of a denial that a fault of the host or of a policy caused.
    pub fault: Option<&'static str>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanValue {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
}

/// The making of the spans of one login.
struct Assembly<'a> {
    clock: &'a WallClock,
    randomness: &'a dyn Randomness,
    spans: Vec<LoginSpan>,
}

/// Returns the spans of a login.
pub(super) fn assemble(
    trace: &ActiveTrace,
    login: &FinishedLogin<'_>,
    clock: &WallClock,
    randomness: &dyn Randomness,
) -> LoginTrace {
    let mut assembly = Assembly {
        clock,
        randomness,
        spans: Vec::new(),
    };
    assembly.spans.push(LoginSpan {
        id: trace.span,
        parent: trace.parent,
        name: Cow::Borrowed("login"),
        began_at: clock.nanoseconds(login.received_at),
        ended_at: clock.nanoseconds(clock.now),
        attributes: attributes(login),
        fault: fault(login),
    });
    let mut began_at = login.received_at;
    for (stage, ended_at) in login.times.ended() {
        let name = Cow::Borrowed(stage.as_str());
        let id = assembly.add(trace.span, name, (began_at, ended_at));
        if stage == Stage::Decide {
            for step in &login.line.decision.steps {
                assembly.add_policy(id, step);
            }
        }
        began_at = ended_at;
    }
    LoginTrace {
        trace_id: trace.id,
        spans: assembly.spans,
    }
}

impl Assembly<'_> {
    /// Adds a span without attributes. Returns its id.
    fn add(
        &mut self,
        parent: [u8; 8],
        name: Cow<'static, str>,
        (began_at, ended_at): (Instant, Instant),
    ) -> [u8; 8] {
        let mut id = [0; 8];
        self.randomness.fill(&mut id);
        self.spans.push(LoginSpan {
            id,
            parent: Some(parent),
            name,
            began_at: self.clock.nanoseconds(began_at),
            ended_at: self.clock.nanoseconds(ended_at),
            attributes: Vec::new(),
            fault: None,
        });
        id
    }

    fn add_policy(&mut self, parent: [u8; 8], step: &PolicyStep) {
        let name = Cow::Owned(format!("policy {}", step.policy.name));
        let times = (step.began_at, step.began_at + step.elapsed);
        self.add(parent, name, times);
        let text = |text: &str| SpanValue::Text(text.to_owned());
        if let Some(span) = self.spans.last_mut() {
            span.attributes = vec![
                ("policy.name", text(step.policy.name.as_str())),
                ("policy.version", text(&step.policy.version.to_string())),
                (
                    "policy.generation",
                    SpanValue::Number(step.policy.generation),
                ),
                ("policy.answer", text(step.answer.as_str())),
            ];
        }
    }
}

/// Returns the attributes of the span of a login, under the names of the log line.
fn attributes(login: &FinishedLogin<'_>) -> Vec<(&'static str, SpanValue)> {
    let line = &login.line;
    let (request, decision) = (line.request, line.decision);
    let (permit, denial) = match &decision.outcome {
        Outcome::Permit(permit) => (Some(permit), None),
        Outcome::Deny(denial) => (None, Some(denial)),
    };
    let policy = decision.policy.as_deref();
    let texts = [
        ("front_door", Some(login.door)),
        (
            "decision",
            Some(if permit.is_some() { "permit" } else { "deny" }),
        ),
        ("denial.class", denial.map(|denial| denial.class.as_str())),
        ("policy.name", policy.map(|policy| policy.name.as_str())),
        (
            "account",
            permit.map(|permit| permit.account_name().as_str()),
        ),
        ("user_nkey", Some(request.user_nkey.as_str())),
        ("client.name", request.client.name.as_deref()),
        ("client.method", Some(request.identity.method.as_str())),
        ("identity.principal", request.identity.principal.as_deref()),
        ("server.name", Some(request.server.name.as_str())),
        ("reply", Some(line.reply)),
        ("request_id", line.request_id),
    ];
    let present = texts
        .into_iter()
        .filter_map(|(key, text)| Some((key, text?)));
    present
        .map(|(key, text)| (key, SpanValue::Text(text.to_owned())))
        .collect()
}

/// Returns the class of a denial that a fault caused. Other denials are what a host is for.
fn fault(login: &FinishedLogin<'_>) -> Option<&'static str> {
    let Outcome::Deny(denial) = &login.line.decision.outcome else {
        return None;
    };
    let blamed: Option<Blame> = denial.class.blame();
    blamed.map(|_| denial.class.as_str())
}
