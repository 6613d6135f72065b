//! HTTP for the clients of tokens: single POST requests, each with a time limit.

mod network;

use std::error::Error;
use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use portcullis_core::Secret;
use portcullis_files::ReadError;
use url::{Host, Url};

pub use network::NetworkClient;

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
///         Box::pin(async { Ok(HttpResponse { status: 200, body }) })
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

/// The options of all requests of one client.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The maximum time of one request, from the name look-up to the last byte of the answer.
    /// Default: 5 s.
    pub timeout: Duration,
    /// Whether secrets may go to another machine over plain HTTP. Default: no.
    pub allow_http: bool,
    /// The sender of requests. Default: the network, with the certificates of the system.
    pub client: Arc<dyn HttpClient>,
}

/// An address to which no secret is sent. The message does not repeat it: it can hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEndpoint {
    /// The text is not an absolute URL.
    #[error("the address is not a url")]
    NotUrl,
    /// The URL has a user name or a password.
    #[error("the address has a user name or a password")]
    HasPassword,
    /// The URL has a fragment.
    #[error("the address has a fragment")]
    HasFragment,
    /// The URL is not `https`. [`HttpOptions::allow_http`] permits that, for a network that no
    /// third party can read.
    #[error("the address is not `https`: plain http is for services on this machine")]
    NotHttps,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            allow_http: false,
            client: Arc::new(NetworkClient::default()),
        }
    }
}

impl HttpOptions {
    /// Creates options whose requests trust the certificates in `ca_file` (PEM) and no others. The
    /// file is read again for every request.
    ///
    /// ```
    /// use portcullis_connect::{HttpOptions, TokenEndpointOptions};
    ///
    /// let endpoint = TokenEndpointOptions {
    ///     http: HttpOptions::trusting("private-ca.pem"),
    ///     ..TokenEndpointOptions::new("https://idp.internal/token")
    /// };
    /// # drop(endpoint);
    /// ```
    pub fn trusting(ca_file: impl Into<PathBuf>) -> Self {
        Self {
            client: Arc::new(NetworkClient {
                ca_file: Some(ca_file.into()),
                ..NetworkClient::default()
            }),
            ..Self::default()
        }
    }

    /// Parses the address of a service. Plain HTTP is for this machine only, unless `allow_http`
    /// is set.
    pub(crate) fn endpoint(&self, text: &str) -> Result<Url, InvalidEndpoint> {
        let url = Url::parse(text).map_err(|_| InvalidEndpoint::NotUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpoint::HasPassword);
        }
        if url.fragment().is_some() {
            return Err(InvalidEndpoint::HasFragment);
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.allow_http || is_this_machine(&url) => Ok(url),
            _ => Err(InvalidEndpoint::NotHttps),
        }
    }

    /// Sends a request within the time limit.
    pub(crate) async fn post(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        #[cfg(feature = "otel")]
        let request = traced(request);
        tokio::time::timeout(self.timeout, self.client.post(request))
            .await
            .unwrap_or(Err(HttpError::Timeout(self.timeout)))
    }
}

/// Returns `request` with the trace context of the current span.
#[cfg(feature = "otel")]
fn traced(mut request: HttpRequest) -> HttpRequest {
    let fields = crate::trace_context::fields();
    let fields = fields.map(|(name, value)| (name.to_owned(), Secret::new(value)));
    request.headers.extend(fields);
    request
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
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_to_https_or_to_this_machine() {
        let strict = HttpOptions::default();
        let lax = HttpOptions {
            allow_http: true,
            ..HttpOptions::default()
        };
        for (address, problem) in [
            ("https://idp.example/token", None),
            ("http://127.0.0.1:8080/token", None),
            ("http://[::1]/token", None),
            ("http://localhost/token", None),
            ("http://idp.example/token", Some(InvalidEndpoint::NotHttps)),
            ("ftp://idp.example/token", Some(InvalidEndpoint::NotHttps)),
            ("idp.example", Some(InvalidEndpoint::NotUrl)),
            (
                "https://me:pass@idp.example",
                Some(InvalidEndpoint::HasPassword),
            ),
            (
                "https://idp.example/#token",
                Some(InvalidEndpoint::HasFragment),
            ),
        ] {
            assert_eq!(strict.endpoint(address).err(), problem, "{address}");
        }
        assert!(lax.endpoint("http://idp.example/token").is_ok());
        assert!(lax.endpoint("ftp://idp.example/token").is_err());
    }

    #[derive(Debug)]
    struct Silent;

    impl HttpClient for Silent {
        fn post(&self, _: HttpRequest) -> HttpFuture<'_> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_request_ends_after_its_time_limit() {
        let options = HttpOptions {
            timeout: Duration::from_millis(1),
            client: Arc::new(Silent),
            ..HttpOptions::default()
        };
        let request = HttpRequest {
            url: options.endpoint("https://idp.example").unwrap(),
            headers: Vec::new(),
            body: Secret::new(""),
        };
        let error = options.post(request).await.unwrap_err();
        assert_eq!(error.to_string(), "no answer within 1ms");
    }
}
