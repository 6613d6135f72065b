//! The facts about one request that its answer and its log lines share.

use std::time::Instant;

use axum::http::{HeaderMap, header::HeaderName};
use data_encoding::HEXLOWER;
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
        let trace = headers.get(TRACEPARENT);
        Self {
            id: HEXLOWER.encode(&id),
            trace_id: trace.and_then(|trace| trace_id(trace.to_str().ok()?)),
            peer,
            at,
        }
    }
}

/// Returns the trace of a header `traceparent`. `None` if the header is malformed.
fn trace_id(header: &str) -> Option<String> {
    let mut parts = header.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (span, flags) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str, len: usize| {
        text.len() == len
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(span, 16)
        && is_hex(flags, 2);
    // Later versions may append parts. A trace of zeros only is invalid.
    let is_complete = version != "00" || parts.next().is_none();
    (is_valid && is_complete && trace.bytes().any(|byte| byte != b'0')).then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_trace_is_taken_over() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let valid = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(trace_id(&valid).as_deref(), Some(trace));
        let later = format!("01-{trace}-00f067aa0ba902b7-01-more");
        assert_eq!(trace_id(&later).as_deref(), Some(trace));
        for invalid in [
            "",
            trace,
            &valid.replace("00-4", "ff-4"),
            &valid.to_uppercase(),
            &format!("{valid}-more"),
            &valid.replace(trace, &"0".repeat(32)),
            &valid.replace("-01", ""),
        ] {
            assert_eq!(trace_id(invalid), None, "{invalid}");
        }
    }
}
