//! The limits around all routes.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use portcullis_core::client_network;
use portcullis_http::Peer;
use tokio::time::timeout;

use super::answers::text;
use super::counters::Wrote;
use super::shared::Shared;

/// Answers one request within the limits.
pub(super) async fn guard(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>();
    let network = peer.map(|peer| client_network(peer.address.ip()));
    let mut response = if is_within_rate(&shared, request.method(), network) {
        let limit = shared.options.request_timeout;
        let answered = timeout(limit, next.run(request)).await;
        answered.unwrap_or_else(|_| busy(StatusCode::SERVICE_UNAVAILABLE, "not answered in time"))
    } else {
        shared.counters.wrote(Wrote::Throttled);
        busy(StatusCode::TOO_MANY_REQUESTS, "too many writes in a second")
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn is_within_rate(shared: &Shared, method: &Method, network: Option<IpAddr>) -> bool {
    let now = shared.clock.unix_seconds();
    *method != Method::POST || shared.write_rate.allows(network, now)
}

fn busy(status: StatusCode, problem: &'static str) -> Response {
    let retry = [(RETRY_AFTER, HeaderValue::from_static("1"))];
    (retry, text(status, format!("{problem}; try again\n"))).into_response()
}
