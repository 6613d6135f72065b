//! The guard around all routes: ids, limits, counts of refusals, and the form of answers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use portcullis_core::Authorizer;
use portcullis_environment::Clock;
use portcullis_http::Peer;
use tokio::time::timeout;

use crate::context::RequestContext;
use crate::problem::{Problem, Refusal};
use crate::shared::Shared;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
            shared.refusals.request(&refusal, context, now);
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
