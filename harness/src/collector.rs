//! A collector of OpenTelemetry data (OTLP over HTTP, in Protobuf), in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::PATIENCE;

/// The reaction of a collector to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CollectorMode {
    /// Takes it.
    Takes,
    /// Answers with this status.
    Fails(u16),
    /// Takes it apart from this number of items, with this message.
    Refuses(i64, &'static str),
    /// Never answers.
    Hangs,
}

/// A request that a collector received.
#[derive(Clone, Debug)]
pub struct Collected {
    /// The path.
    pub path: String,
    /// The fields of the header, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// Whether the collector took it.
    pub is_taken: bool,
}

/// A running collector at an address of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Collector {
    address: String,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    mode: Mutex<CollectorMode>,
    requests: watch::Sender<Vec<Collected>>,
}

impl Collector {
    /// Starts a collector that takes every request.
    ///
    /// # Errors
    ///
    /// Fails if it cannot listen.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared {
            mode: Mutex::new(CollectorMode::Takes),
            requests: watch::Sender::default(),
        });
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            listening,
        })
    }

    /// Returns the address, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the reaction to the next requests.
    pub fn set_mode(&self, mode: CollectorMode) {
        *self.shared.mode.lock() = mode;
    }

    /// Waits until `enough` holds for the requests, and returns them.
    ///
    /// # Errors
    ///
    /// Fails if it does not hold in time.
    pub async fn requests(
        &self,
        mut enough: impl FnMut(&[Collected]) -> bool,
    ) -> Result<Vec<Collected>> {
        let mut requests = self.shared.requests.subscribe();
        let waiting = requests.wait_for(|requests| enough(requests));
        let requests = timeout(PATIENCE, waiting).await;
        let requests = requests.context("the collector received too few requests")??;
        Ok(requests.clone())
    }

    /// Waits until the collector has taken this number of log records, and returns all of them.
    ///
    /// # Errors
    ///
    /// Fails if it does not receive them in time, or receives anything else.
    pub async fn logs(&self, number: usize) -> Result<Vec<LogRecord>> {
        let all = |requests: &[Collected]| -> Result<Vec<LogRecord>> {
            let taken = requests.iter().filter(|request| request.is_taken);
            let logs: Result<Vec<_>> = taken.map(Collected::logs).collect();
            Ok(logs?.into_iter().flatten().collect())
        };
        let requests = self
            .requests(|requests| all(requests).is_ok_and(|logs| logs.len() >= number))
            .await?;
        all(&requests)
    }

    /// Waits until the collector has taken this number of traces, and returns the spans of all of
    /// them.
    ///
    /// # Errors
    ///
    /// Fails if it does not receive them in time, or receives anything else.
    pub async fn spans(&self, traces: usize) -> Result<Vec<Span>> {
        let all = |requests: &[Collected]| -> Result<Vec<Span>> {
            let taken = requests.iter().filter(|request| request.is_taken);
            let spans: Result<Vec<_>> = taken.map(Collected::spans).collect();
            Ok(spans?.into_iter().flatten().collect())
        };
        let count = |spans: &[Span]| {
            let ids: BTreeSet<_> = spans.iter().map(|span| &span.trace_id).collect();
            ids.len()
        };
        let requests = self
            .requests(|requests| all(requests).is_ok_and(|spans| count(&spans) >= traces))
            .await?;
        all(&requests)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Collected {
    /// Returns the log records in the request.
    ///
    /// # Errors
    ///
    /// Fails if it is not a request of the OTLP logs service.
    pub fn logs(&self) -> Result<Vec<LogRecord>> {
        let request = ExportLogsServiceRequest::decode(self.body.clone())?;
        let resources = request.resource_logs.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_logs);
        Ok(scopes.flat_map(|scope| scope.log_records).collect())
    }

    /// Returns the spans in the request.
    ///
    /// # Errors
    ///
    /// Fails if it is not a request of the OTLP trace service.
    pub fn spans(&self) -> Result<Vec<Span>> {
        let request = ExportTraceServiceRequest::decode(self.body.clone())?;
        let resources = request.resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        Ok(scopes.flat_map(|scope| scope.spans).collect())
    }
}

/// Returns the text of an attribute. Numbers are texts too. `None` if there is no such attribute.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        any_value::Value::BoolValue(flag) => Some(flag.to_string()),
        _ => None,
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
        tokio::spawn(async move {
            // A client may close the connection at any time.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let fields = head.headers.iter();
    let headers = fields.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let headers = headers.collect();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let mode = shared.mode.lock().clone();
    let collected = Collected {
        path: head.uri.path().to_owned(),
        headers,
        body: body.unwrap_or_default(),
        is_taken: matches!(mode, CollectorMode::Takes | CollectorMode::Refuses(..)),
    };
    shared
        .requests
        .send_modify(|requests| requests.push(collected));
    let mut response = Response::new(Full::default());
    match mode {
        CollectorMode::Takes => {}
        CollectorMode::Hangs => std::future::pending().await,
        CollectorMode::Fails(status) => {
            *response.status_mut() = status.try_into().unwrap_or_default();
        }
        CollectorMode::Refuses(rejected_log_records, message) => {
            let answer = ExportLogsServiceResponse {
                partial_success: Some(ExportLogsPartialSuccess {
                    rejected_log_records,
                    error_message: message.to_owned(),
                }),
            };
            *response.body_mut() = Full::from(answer.encode_to_vec());
        }
    }
    Ok(response)
}
