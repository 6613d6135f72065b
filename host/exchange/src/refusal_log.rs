//! The log of requests and connections that the exchange refuses.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use portcullis_core::{Repeats, Report};
use portcullis_http::Closed;

use crate::context::RequestContext;
use crate::problem::Refusal;

/// The log of requests that are not decided, and of connections that the exchange closes. Peers
/// control their number, so a reason has a line at once and then one at intervals that double, with
/// the number of events since.
#[derive(Debug)]
pub(crate) struct RefusalLog {
    requests: Repeats<&'static str>,
    connections: Repeats<Closed>,
}

impl Default for RefusalLog {
    fn default() -> Self {
        /// A number above that of the reasons.
        const MAX_REASONS: usize = 64;
        const FIRST: Duration = Duration::from_secs(10);
        const MAX: Duration = Duration::from_mins(10);
        const FORGET_AFTER: Duration = Duration::from_hours(1);
        Self {
            requests: Repeats::summed_up_with_back_off(MAX_REASONS, FIRST, MAX, FORGET_AFTER),
            connections: Repeats::summed_up_with_back_off(MAX_REASONS, FIRST, MAX, FORGET_AFTER),
        }
    }
}

impl RefusalLog {
    /// Records a refusal of a request.
    pub(crate) fn request(&self, refusal: &Refusal, context: &RequestContext, now: Instant) {
        let host = context.peer.address.ip().to_canonical().to_string();
        let count = match self.requests.record(refusal.reason, now, || ()) {
            Report::First => None,
            Report::Summary(count) => Some(count),
            Report::Nothing => {
                tracing::debug!(
                    request_id = context.id,
                    trace_id = context.trace_id,
                    refusal.reason = refusal.reason,
                    error = refusal.error,
                    client.host = host,
                    "exchange request refused again"
                );
                return;
            }
        };
        tracing::info!(
            request_id = context.id,
            trace_id = context.trace_id,
            refusal.reason = refusal.reason,
            refusal.count = count,
            error = refusal.error,
            client.host = host,
            "exchange request refused"
        );
    }

    /// Records a connection from `address` that the exchange closed.
    pub(crate) fn connection(&self, closed: Closed, address: IpAddr, now: Instant) {
        let host = address.to_canonical().to_string();
        let report = if closed.is_ordinary() {
            Report::Nothing
        } else {
            self.connections.record(closed, now, || ())
        };
        let count = match report {
            Report::First => None,
            Report::Summary(count) => Some(count),
            Report::Nothing => {
                tracing::debug!(
                    connection.reason = closed.as_str(),
                    client.host = host,
                    "exchange connection closed again"
                );
                return;
            }
        };
        tracing::info!(
            connection.reason = closed.as_str(),
            connection.count = count,
            client.host = host,
            "exchange connection closed"
        );
    }
}
