//! HTTP for the clients of tokens: single POST requests, each with a time limit.

mod network;
mod options;

use std::error::Error;
use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;
use portcullis_core::{Secret, is_own_host};
use portcullis_files::ReadError;
use url::Url;

pub use network::NetworkClient;
pub use options::{HttpOptions, InvalidEndpoint};

use crate::shown::shown;

/// A POST request. `Debug` shows neither the query, nor the values of headers, nor the body.
#[derive(Clone)]
pub struct HttpRequest {
    /// The address.
    pub url: Url,
    /// The names and values of header fields, except those that every request has.
    pub headers: Vec<(String, Secret)>,
    /// The body.
    pub body: Secret,
}

/// The answer to a request. `Debug` does not show the body.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The time after which the service wants the next request (`Retry-After`). `None` if it names
    /// none.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Secret,
}

/// A future of the answer to a request.
pub type HttpFuture<'a> = BoxFuture<'a, Result<HttpResponse, HttpError>>;

/// A client that sends requests. [`NetworkClient`] is the real one.
///
/// Dropping the future of an answer cancels the request. The caller limits the time. A client of
/// your own can serve tests, or reach services through something else than the network:
///
/// ```
/// use portcullis_connect::{HttpClient, HttpFuture, HttpRequest, HttpResponse, Secret};
///
/// /// An authorization server that issues the same token to everyone.
/// #[derive(Debug)]
/// struct Stub;
///
/// impl HttpClient for Stub {
///     fn post(&self, _: HttpRequest) -> HttpFuture<'_> {
///         let body = Secret::new(r#"{"access_token":"a-token","expires_in":60}"#);
///         let answer = HttpResponse { status: 200, retry_after: None, body };
///         Box::pin(async { Ok(answer) })
///     }
/// }
/// ```
pub trait HttpClient: Debug + Send + Sync + 'static {
    /// Sends one request and follows no redirect.
    fn post(&self, request: HttpRequest) -> HttpFuture<'_>;
}

/// The reason for which a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The answer did not arrive within the time limit.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The server could not be reached, or closed the connection.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn Error + Send + Sync>),
    /// The HTTP client cannot be built.
    #[error("the tls settings do not work")]
    Client(#[source] Box<dyn Error + Send + Sync>),
    /// The file of certificates cannot be read.
    #[error("cannot read `{}`", path.display())]
    CertificateFile {
        /// The path of the file.
        path: PathBuf,
        /// The reason.
        source: ReadError,
    },
    /// The file of certificates has none.
    #[error("`{}` has no pem certificate", .0.display())]
    NoCertificate(PathBuf),
    /// A header cannot be sent, because of a character in its name or value.
    #[error("the header `{0}` has a character that cannot be sent")]
    Header(String),
    /// The answer exceeds the maximum size.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The answer is not UTF-8.
    #[error("the answer is not text")]
    NotText,
    /// The runtime shuts down.
    #[error("interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl Debug for HttpRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpRequest")
            .field("url", &shown(&self.url))
            .field("headers", &self.headers)
            .field("body", &self.body)
            .finish()
    }
}

/// Returns whether an address is on this machine: a loopback address, or `localhost`.
pub fn is_this_machine(url: &Url) -> bool {
    url.host_str().is_some_and(is_own_host)
}
