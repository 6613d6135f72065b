//! The end of a login, which is the same for every front door: log line, trace and record.

use std::time::Instant;

use portcullis_core::{AuthorizationRequest, Authorizer, LoginOutcome, Outcome};
use portcullis_environment::Clock;

use crate::authority::{Authority, Considered};
use crate::decision_log::{DecisionLine, log_decision, log_summed_up};
use crate::traces::{ActiveTrace, FinishedLogin, TraceParent};

/// The facts about the request of a login that its front door answers itself.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The front door, such as `exchange`.
    pub door: &'static str,
    /// The arrival of the request.
    pub received_at: Instant,
    /// The id of the request. `None` if it has none.
    pub request_id: Option<&'a str>,
    /// The trace that the request belongs to. `None` if it names none.
    pub parent: Option<TraceParent>,
    /// The id of a trace that the host does not continue. `None` without such.
    pub trace_id: Option<&'a str>,
    /// The latest time until which the login waits for room for its record. `None` for any time.
    pub latest: Option<Instant>,
}

impl<A: Authorizer, C: Clock + Clone> Authority<A, C> {
    /// Writes the log line of a login and ends its trace. A login that is not reported is counted
    /// in the log's summary only.
    pub fn write_line(
        &self,
        login: &FinishedLogin<'_>,
        trace: Option<&ActiveTrace>,
        is_reported: bool,
    ) {
        if !is_reported {
            return log_summed_up(login.line);
        }
        if let Some(trace) = trace {
            let clock = self.admission.clock();
            self.tracer()
                .finish(trace, login, clock.now(), clock.wall());
        }
        log_decision(login.line);
    }

    /// Logs, traces and records a login that its front door answers itself: no server can refuse
    /// the user JWT of a permit any more.
    pub async fn conclude_answered(
        &self,
        request: &AuthorizationRequest,
        considered: &Considered,
        answered: Answered<'_>,
    ) {
        let decision = &considered.decision;
        let trace = self.tracer().begin(answered.parent);
        let trace_id = trace.as_ref().map(|trace| trace.trace_id.as_str());
        let room = if considered.is_reported {
            let reserving = self.recorder().reserve(request, decision, answered.latest);
            reserving.await
        } else {
            None
        };
        let clock = self.admission.clock();
        let line = DecisionLine {
            request,
            decision,
            elapsed: clock.elapsed(answered.received_at),
            reply: "sent",
            error: None,
            request_id: answered.request_id,
            trace_id: trace_id.or(answered.trace_id),
        };
        let login = FinishedLogin {
            line,
            door: answered.door,
            received_at: answered.received_at,
            times: &considered.times,
        };
        self.write_line(&login, trace.as_ref(), considered.is_reported);
        if let Some(room) = room {
            let outcome = match &decision.outcome {
                Outcome::Permit(_) => LoginOutcome::Issued,
                Outcome::Deny(_) => LoginOutcome::Denied,
            };
            self.recorder()
                .send(room.fill(&line, outcome, clock.wall()));
        }
    }
}
