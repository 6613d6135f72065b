//! The field `traceparent` of a request (W3C Trace Context, section 3.2).

use std::str::FromStr;

use data_encoding::HEXLOWER;

/// The span of another service that a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// Id of the trace.
    pub trace_id: [u8; 16],
    /// Id of the span.
    pub span_id: [u8; 8],
    /// Whether the other service records the trace.
    pub is_sampled: bool,
}

/// A text that is not a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a `traceparent` of W3C Trace Context")]
pub struct InvalidTraceParent;

impl TraceParent {
    /// Returns the id of the trace as 32 hexadecimal digits.
    pub fn trace_id_text(&self) -> String {
        HEXLOWER.encode(&self.trace_id)
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        parse(text).ok_or(InvalidTraceParent)
    }
}

fn parse(text: &str) -> Option<TraceParent> {
    let mut parts = text.split('-');
    let [version] = bytes(parts.next()?)?;
    let trace_id = bytes(parts.next()?)?;
    let span_id = bytes(parts.next()?)?;
    let [flags] = bytes(parts.next()?)?;
    // Later versions may append parts. Ids of zeros only are invalid.
    let is_complete = version != 0 || parts.next().is_none();
    let is_valid = version != 0xff && trace_id != [0; 16] && span_id != [0; 8];
    (is_complete && is_valid).then_some(TraceParent {
        trace_id,
        span_id,
        is_sampled: flags & 1 == 1,
    })
}

/// Decodes lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}
