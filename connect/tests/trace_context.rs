//! Tests of the feature `otel`. `cargo xtask test` runs them, and provides a server.

#![expect(
    clippy::unwrap_used,
    reason = "a test program: its helpers may fail as its tests may"
)]

use std::str::FromStr as _;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use parking_lot::Mutex;
use portcullis_connect::{
    ConnectionOptions, ExchangeClient, ExchangeOptions, ExchangeProtocol, HeaderMap, HttpClient,
    HttpFuture, HttpOptions, HttpRequest, HttpResponse, Secret, StoredToken, connect,
    with_trace_context,
};
use portcullis_harness::{PATIENCE, Release, Site};
use tokio::time::timeout;
use tracing::{Instrument as _, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACESTATE: &str = "vendor=1";

/// Enters a span on this thread that continues the trace of another service.
fn span() -> (Span, tracing::subscriber::DefaultGuard) {
    let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer());
    let guard = tracing::subscriber::set_default(subscriber);
    let span = info_span!("order");
    let parent = SpanContext::new(
        TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
        SpanId::from_hex("00f067aa0ba902b7").unwrap(),
        TraceFlags::SAMPLED,
        true,
        TraceState::from_str(TRACESTATE).unwrap(),
    );
    let parent = Context::new().with_remote_span_context(parent);
    span.set_parent(parent).unwrap();
    (span, guard)
}

#[tokio::test]
async fn a_message_that_is_published_in_a_span_carries_its_trace() -> Result<()> {
    let (span, _guard) = span();
    let site = Site::create(Release::Newest)?;
    let server = site.start_server_with("").await?;
    let options = ConnectionOptions::new("orders", vec![server.url()]);
    let connection = timeout(PATIENCE, connect(&options)).await??;
    let client = connection.client();
    let mut orders = client.subscribe("orders.>").await?;
    let publish = async {
        let headers = with_trace_context(HeaderMap::new());
        client
            .publish_with_headers("orders.new", headers, "42".into())
            .await
    };
    publish.instrument(span).await?;
    let order = timeout(PATIENCE, orders.next())
        .await?
        .context("no order")?;
    let headers = order.headers.context("no headers")?;
    let field = |name| headers.get(name).map(|value| value.as_str().to_owned());
    assert_eq!(field("traceparent").as_deref(), Some(TRACEPARENT));
    assert_eq!(field("tracestate").as_deref(), Some(TRACESTATE));
    assert!(
        with_trace_context(HeaderMap::new()).is_empty(),
        "no span is current"
    );
    Ok(())
}

/// A service that refuses every request, and keeps the headers.
#[derive(Debug, Default)]
struct Refusing(Mutex<Vec<(String, Secret)>>);

impl HttpClient for Refusing {
    fn post(&self, request: HttpRequest) -> HttpFuture<'_> {
        self.0.lock().extend(request.headers);
        let answer = HttpResponse {
            status: 403,
            retry_after: None,
            body: Secret::new(""),
        };
        Box::pin(async move { Ok(answer) })
    }
}

#[tokio::test]
async fn an_exchange_that_a_span_needs_carries_its_trace() -> Result<()> {
    let (span, _guard) = span();
    let service = Arc::new(Refusing::default());
    let tokens = Arc::new(StoredToken::new(Secret::new("a-token")));
    let client = ExchangeClient::new(ExchangeOptions {
        protocol: ExchangeProtocol::Core,
        http: HttpOptions {
            client: Arc::clone(&service) as Arc<dyn HttpClient>,
            ..HttpOptions::default()
        },
        ..ExchangeOptions::new("https://exchange.example", "roof", tokens)
    })?;
    assert!(client.credentials().instrument(span).await.is_err());
    let headers = service.0.lock().clone();
    let field = |name: &str| {
        let found = headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.expose().to_owned())
    };
    assert_eq!(field("traceparent").as_deref(), Some(TRACEPARENT));
    assert_eq!(field("tracestate").as_deref(), Some(TRACESTATE));
    Ok(())
}
