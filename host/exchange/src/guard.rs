//! The guard around all routes: ids, limits, the log of refusals, and the form of answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use portcullis_core::{Authorizer, Repeats, Report};
use portcullis_environment::Clock;
use tokio::time::timeout;

use crate::context::{Peer, RequestContext};
use crate::exchange::Shared;
use crate::problem::{Problem, Refusal};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The log of requests that are not decided. Callers control their number, so a reason has a line
/// at once and then one at intervals that double, with the number of refusals since.
#[derive(Debug)]
pub(crate) struct Refusals(Repeats<&'static str>);

impl Default for Refusals {
    fn default() -> Self {
        /// A number above that of the reasons.
        const MAX_REASONS: usize = 64;
        const FIRST: Duration = Duration::from_secs(10);
        const MAX: Duration = Duration::from_mins(10);
        const FORGET_AFTER: Duration = Duration::from_hours(1);
        Self(Repeats::summed_up_with_back_off(
            MAX_REASONS,
            FIRST,
            MAX,
            FORGET_AFTER,
        ))
    }
}

impl Refusals {
    fn record(&self, refusal: &Refusal, context: &RequestContext, now: Instant) {
        let host = context.peer.address.ip().to_canonical().to_string();
        let count = match self.0.record(refusal.reason, now, || ()) {
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
}

/// Answers one request within the limits, and gives the answer its form.
pub(crate) async fn guard<A: Authorizer, C: Clock + Clone>(
    State(shared): State<Arc<Shared<A, C>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let _in_flight = shared.counters.received();
    let now = shared.clock.now();
    let Some(peer) = request.extensions_mut().remove::<Peer>() else {
        // The listener adds the peer to every request.
        return Problem::Internal.status().into_response();
    };
    let context = RequestContext::new(peer, request.headers(), now, &shared.randomness);
    request.extensions_mut().insert(context.clone());
    let limit = shared.options.request_timeout;
    let answered = timeout(limit, next.run(request)).await;
    let response = answered.unwrap_or_else(|_| {
        let error = format!("not answered within {} ms", limit.as_millis());
        Refusal::new(Problem::Timeout, "timeout", error).into_response()
    });
    finished(&shared, &context, response)
}

fn finished<A, C: Clock>(
    shared: &Shared<A, C>,
    context: &RequestContext,
    mut response: Response,
) -> Response {
    let mut refusal = response.extensions_mut().remove::<Refusal>();
    let mut allow = None;
    if refusal.is_none() && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        // The router answered, and says which methods the route takes.
        allow = response.headers_mut().remove(ALLOW);
        let error = "the route takes another method";
        refusal = Some(Refusal::new(Problem::MethodNotAllowed, "method", error));
    }
    if let Some(refusal) = refusal {
        if !refusal.is_decided {
            shared.counters.refused(refusal.reason);
            let now = shared.clock.now();
            shared.refusals.record(&refusal, context, now);
        }
        response = refusal.answer(&context.id);
    }
    let headers = response.headers_mut();
    if let Some(allow) = allow {
        headers.insert(ALLOW, allow);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}
