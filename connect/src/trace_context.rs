//! The trace context of the current span (W3C Trace Context), for messages and requests.

use async_nats::{HeaderMap, HeaderValue};
use opentelemetry::trace::{TraceContextExt as _, TraceFlags};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Returns `headers` with the trace context of the current span, in the fields `traceparent` and
/// `tracestate`. Returns them unchanged if no layer of OpenTelemetry records the span.
///
/// ```
/// use portcullis_connect::{HeaderMap, with_trace_context};
///
/// # async fn publish(client: async_nats::Client) -> Result<(), async_nats::PublishError> {
/// let headers = with_trace_context(HeaderMap::new());
/// client.publish_with_headers("orders.new", headers, "42".into()).await
/// # }
/// ```
#[must_use]
pub fn with_trace_context(mut headers: HeaderMap) -> HeaderMap {
    for (name, value) in fields() {
        // Both values consist of characters that a header can carry.
        if let Ok(value) = value.parse::<HeaderValue>() {
            headers.insert(name, value);
        }
    }
    headers
}

/// Returns the fields of the trace context of the current span. Empty if it has no trace.
pub(crate) fn fields() -> impl Iterator<Item = (&'static str, String)> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    let parent = span.is_valid().then(|| {
        let flags = span.trace_flags() & TraceFlags::SAMPLED;
        format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id())
    });
    let state = span.is_valid().then(|| span.trace_state().header());
    let state = state.filter(|state| !state.is_empty());
    [("traceparent", parent), ("tracestate", state)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
}
