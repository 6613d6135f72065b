//! The end of a login: counters, the log line, the record and the trace.

use std::time::Instant;

use portcullis_authority::{DecisionLine, FinishedLogin, Reserved, Stage};
use portcullis_core::{Authorizer, Decision, LoginOutcome};
use portcullis_environment::Clock;

use super::Handler;
use super::context::Context;
use crate::confirmations::{Refusal as ServerRefusal, Waiting};
use crate::replied::Replied;

impl<A: Authorizer, C: Clock + Clone> Handler<A, C> {
    /// Returns room for the record of a login. `None` if it is not recorded.
    pub(super) async fn reserve(&self, context: &Context, decision: &Decision) -> Option<Reserved> {
        if !context.is_reported {
            return None;
        }
        let recorder = self.authority.recorder();
        recorder
            .reserve(&context.request, decision, context.gives_up_at())
            .await
    }

    /// Counts, logs and records a login. `refusal` is the place for the server's refusal of a
    /// permit, with the time at which it can no longer come.
    pub(super) fn conclude(
        &self,
        context: &Context,
        decision: &Decision,
        replied: &Replied,
        room: Option<Reserved>,
        refusal: Option<(ServerRefusal, Instant)>,
    ) {
        let elapsed = self.clock.elapsed(context.at);
        self.counters
            .decided(&decision.outcome, elapsed, replied.is_sent());
        let line = DecisionLine {
            request: &context.request,
            decision,
            elapsed,
            reply: replied.as_str(),
            error: replied.error(),
            request_id: None,
            trace_id: context.trace.as_ref().map(|trace| trace.trace_id.as_str()),
        };
        context.times.end(Stage::Reply, &self.clock);
        let login = FinishedLogin {
            line,
            door: "callout",
            received_at: context.at,
            times: &context.times,
        };
        self.authority
            .write_line(&login, context.trace.as_ref(), context.is_reported);
        let Some(room) = room else {
            return;
        };
        let outcome = replied.outcome(&decision.outcome);
        let record = room.fill(&line, outcome, self.clock.wall());
        match refusal {
            Some((refusal, settles_at)) if outcome == LoginOutcome::Unconfirmed => {
                let sent_at = self.clock.now();
                let waiting = Waiting {
                    record,
                    refusal,
                    sent_at,
                };
                self.evidence.confirmations.hold(waiting, settles_at);
            }
            _ => self.authority.recorder().send(record),
        }
    }
}
