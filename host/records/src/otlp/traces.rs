//! Traces of logins as spans of OTLP.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use portcullis_authority::{LoginSpan, LoginTrace, SpanValue};
use prost::Message as _;

use super::sink::Signal;
use super::values::{Attributes, Origin};

/// Approximate size of a span in a request, in bytes.
const SPAN_SIZE: usize = 512;

/// The flags of a span: its trace is sampled (W3C Trace Context).
const SAMPLED: u32 = 1;

/// Traces of logins as spans.
pub(crate) struct Traces;

impl Signal for Traces {
    type Record = LoginTrace;

    fn size(trace: &LoginTrace) -> usize {
        trace.spans.len().saturating_mul(SPAN_SIZE)
    }

    fn encode(traces: &[Arc<LoginTrace>], origin: &Origin) -> Vec<u8> {
        let spans = traces.iter().flat_map(|trace| {
            let spans = trace.spans.iter().enumerate();
            spans.map(|(index, it)| span(trace, it, index == 0))
        });
        let spans = ScopeSpans {
            scope: Some(origin.scope()),
            spans: spans.collect(),
            ..ScopeSpans::default()
        };
        let spans = ResourceSpans {
            resource: Some(origin.resource()),
            scope_spans: vec![spans],
            ..ResourceSpans::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![spans],
        };
        request.encode_to_vec()
    }

    /// A collector counts spans, so a refusal of a few counts as one of that number of traces.
    fn refused(answer: &[u8]) -> Option<(i64, String)> {
        let answer = ExportTraceServiceResponse::decode(answer).ok()?;
        let partial = answer.partial_success?;
        Some((partial.rejected_spans, partial.error_message))
    }
}

/// Returns a span of OTLP. The first span of a trace is that of the login.
fn span(trace: &LoginTrace, span: &LoginSpan, is_login: bool) -> Span {
    let kind = if is_login {
        SpanKind::Server
    } else {
        SpanKind::Internal
    };
    let values = span.attributes.iter();
    let attributes = values.fold(Attributes::default(), |all, (key, value)| match value {
        SpanValue::Text(text) => all.text(key, Some(text)),
        SpanValue::Number(number) => all.number(key, Some(*number)),
    });
    Span {
        trace_id: trace.trace_id.to_vec(),
        span_id: span.id.to_vec(),
        parent_span_id: span.parent.map_or_else(Vec::new, |parent| parent.to_vec()),
        flags: SAMPLED,
        name: span.name.clone().into_owned(),
        kind: kind.into(),
        start_time_unix_nano: span.began_at,
        end_time_unix_nano: span.ended_at,
        attributes: attributes.into(),
        status: span.fault.map(|class| Status {
            code: StatusCode::Error.into(),
            message: class.to_owned(),
        }),
        ..Span::default()
    }
}
