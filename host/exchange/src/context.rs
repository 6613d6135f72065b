//! The facts about one request that its answer and its log lines share.

use std::time::Instant;

use axum::http::{HeaderMap, header::HeaderName};
use data_encoding::HEXLOWER;
use portcullis_authority::TraceParent;
use portcullis_environment::Randomness;
use portcullis_http::Peer;

/// W3C trace context, section 3.2.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The facts about one request.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// Random id, which the caller gets too: 32 hexadecimal digits.
    pub(crate) id: String,
    /// Trace that the caller names: 32 hexadecimal digits.
    pub(crate) trace_id: Option<String>,
    /// Span that the caller names.
    pub(crate) parent: Option<TraceParent>,
    pub(crate) peer: Peer,
    /// Time of arrival.
    pub(crate) at: Instant,
}

impl RequestContext {
    pub(crate) fn new(
        peer: Peer,
        headers: &HeaderMap,
        at: Instant,
        randomness: &dyn Randomness,
    ) -> Self {
        let mut id = [0; 16];
        randomness.fill(&mut id);
        let parent = headers.get(TRACEPARENT).and_then(|parent| {
            let parent = parent.to_str().ok()?;
            parent.parse::<TraceParent>().ok()
        });
        Self {
            id: HEXLOWER.encode(&id),
            trace_id: parent.map(|parent| parent.trace_id_text()),
            parent,
            peer,
            at,
        }
    }
}
