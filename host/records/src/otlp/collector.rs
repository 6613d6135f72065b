//! Requests to a collector, with the answers that OTLP over HTTP defines.

use std::sync::Arc;
use std::time::Duration;

use portcullis_connect::{Secret, SecretError, is_this_machine};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tokio::runtime::Handle;

use super::OtlpOptions;
use super::certificates::{self, CertificatesError};
use crate::sink::SinkNumbers;

/// Maximum size of an answer that is read, in bytes. It is at most a count and a message.
const MAX_ANSWER: usize = 64 << 10;

/// Time that a request in progress has when the host stops.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// Interval between two looks at whether the host stops, during a request.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// The media type of binary Protobuf.
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// The reason for which a request failed. The messages hold neither the address nor secrets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectorError {
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    #[error("the host stopped before the collector answered")]
    Stopped,
    #[error("the connection to the collector failed")]
    Connection(#[source] reqwest::Error),
    #[error("the collector answered with status {0}")]
    Status(u16),
    #[error("the collector refused {refused} of them: `{message}`")]
    Refused { refused: usize, message: String },
    #[error("cannot read the header `{name}`")]
    Secret { name: String, source: SecretError },
    #[error("the header `{0}` has a character that cannot be sent")]
    Header(String),
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
    #[error("the tls settings do not work")]
    Client(#[source] reqwest::Error),
}

/// A collector. A connection stays open between requests.
pub(crate) struct Collector {
    options: OtlpOptions,
    runtime: Handle,
    numbers: Arc<SinkNumbers>,
    /// `None` before the first request and after a failed one, so that a changed file of
    /// certificates is read.
    client: Option<Client>,
}

impl CollectorError {
    /// Returns whether the collector may take the same request later, by the rules of OTLP.
    pub(crate) const fn is_passing(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Connection(_) => true,
            Self::Status(status) => matches!(status, 429 | 502..=504),
            _ => false,
        }
    }

    /// Returns whether the collector will never take the same request.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::Status(400 | 413 | 422))
    }
}

impl Collector {
    /// Returns a collector that sends its requests on `runtime`, for the sink with these `numbers`.
    pub(crate) const fn new(
        options: OtlpOptions,
        runtime: Handle,
        numbers: Arc<SinkNumbers>,
    ) -> Self {
        Self {
            options,
            runtime,
            numbers,
            client: None,
        }
    }

    /// Posts a request in Protobuf and returns the answer. Blocks for at most the time limit.
    pub(crate) fn post(&mut self, body: Vec<u8>) -> Result<Vec<u8>, CollectorError> {
        let answer = self.send(body);
        if answer.is_err() {
            self.client = None;
        }
        answer
    }

    fn send(&mut self, body: Vec<u8>) -> Result<Vec<u8>, CollectorError> {
        let headers = self.headers()?;
        let client = match &self.client {
            Some(client) => client.clone(),
            None => self.client.insert(client(&self.options)?).clone(),
        };
        let request = client.post(self.options.url.clone());
        let request = request.headers(headers).body(body);
        let limit = self.options.timeout;
        self.runtime.block_on(async {
            let answer = async { read(request.send().await.map_err(failed)?).await };
            tokio::select! {
                answer = answer => answer,
                () = tokio::time::sleep(limit) => Err(CollectorError::Timeout(limit)),
                () = stopped(&self.numbers) => Err(CollectorError::Stopped),
            }
        })
    }

    /// Returns the header fields, with secrets that are read now.
    fn headers(&self) -> Result<HeaderMap, CollectorError> {
        let mut headers = HeaderMap::new();
        for (name, source) in &self.options.headers {
            let secret = source.read().map_err(|source| CollectorError::Secret {
                name: name.clone(),
                source,
            })?;
            let (name, value) = header(name, &secret)?;
            headers.insert(name, value);
        }
        headers.insert(CONTENT_TYPE, PROTOBUF);
        Ok(headers)
    }
}

/// Waits until a request has had its time after the host began to stop.
async fn stopped(numbers: &SinkNumbers) {
    while !numbers.stops() {
        tokio::time::sleep(STOP_CHECK).await;
    }
    tokio::time::sleep(STOP_LIMIT).await;
}

fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), CollectorError> {
    let unusable = || CollectorError::Header(name.to_owned());
    let key = HeaderName::try_from(name).map_err(|_| unusable())?;
    let mut value = HeaderValue::try_from(value.expose()).map_err(|_| unusable())?;
    value.set_sensitive(true);
    Ok((key, value))
}

/// Builds a client. Reads the certificates, which blocks.
fn client(options: &OtlpOptions) -> Result<Client, CollectorError> {
    let mut builder = Client::builder()
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .tls_backend_rustls();
    if let Some(path) = &options.ca_file {
        builder = builder.tls_certs_only(certificates::read(path)?);
    } else if options.url.scheme() == "http" {
        // Plain HTTP needs no certificates, which a machine may not have.
        builder = builder.tls_certs_only([]);
    }
    if is_this_machine(&options.url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(CollectorError::Client)
}

/// Returns the body of a successful answer. One that is longer than any of OTLP is cut off.
async fn read(mut response: Response) -> Result<Vec<u8>, CollectorError> {
    let status = response.status();
    if !status.is_success() {
        return Err(CollectorError::Status(status.as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Ok(Vec::new());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(error: reqwest::Error) -> CollectorError {
    CollectorError::Connection(error.without_url())
}
