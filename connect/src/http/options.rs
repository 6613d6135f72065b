//! The options of requests, and the addresses that secrets may go to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::network::NetworkClient;
use super::{HttpClient, HttpError, HttpRequest, HttpResponse, is_this_machine};

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
    let fields = fields.map(|(name, value)| (name.to_owned(), portcullis_core::Secret::new(value)));
    request.headers.extend(fields);
    request
}

#[cfg(test)]
mod tests {
    use portcullis_core::Secret;

    use super::*;
    use crate::http::HttpFuture;

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
