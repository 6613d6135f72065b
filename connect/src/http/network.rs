//! Requests over the network. Every request builds its own client, because requests are rare, and
//! certificates on disk change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_claims::MAX_TOKEN_SIZE;
use portcullis_core::Secret;
use portcullis_files::{Disk, SystemDisk, read_watched};
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use url::Url;
use zeroize::Zeroizing;

use super::{HttpClient, HttpError, HttpFuture, HttpRequest, HttpResponse, is_this_machine};

/// The maximum size of an answer, in bytes: the longest token, and other fields.
const MAX_ANSWER: usize = 2 * MAX_TOKEN_SIZE;

/// The maximum size of a file of certificates, in bytes.
const MAX_CERTIFICATES: u64 = 1024 * 1024;

/// The client that reaches services over the network.
#[derive(Clone, Debug)]
pub struct NetworkClient {
    /// The file of the certificates to trust, as PEM, read again for every request. With `None`,
    /// the client trusts the certificates of the system. Default: `None`.
    pub ca_file: Option<PathBuf>,
    /// The disk that holds `ca_file`. Default: that of the operating system.
    pub disk: Arc<dyn Disk>,
}

impl Default for NetworkClient {
    fn default() -> Self {
        Self {
            ca_file: None,
            disk: Arc::new(SystemDisk),
        }
    }
}

impl HttpClient for NetworkClient {
    fn post(&self, request: HttpRequest) -> HttpFuture<'_> {
        Box::pin(self.send(request))
    }
}

impl NetworkClient {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (options, url) = (self.clone(), request.url.clone());
        let client = tokio::task::spawn_blocking(move || options.client(&url))
            .await
            .map_err(HttpError::Interrupted)??;
        let mut builder = client.post(request.url);
        for (name, value) in &request.headers {
            let (name, value) = header(name, value)?;
            builder = builder.header(name, value);
        }
        let builder = builder.body(request.body.expose().to_owned());
        let response = builder.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let body = read(response).await?;
        Ok(HttpResponse {
            status,
            retry_after,
            body,
        })
    }

    /// Builds a client for `url`. Reads the certificates, which blocks.
    fn client(&self, url: &Url) -> Result<Client, HttpError> {
        let mut builder = Client::builder()
            .user_agent(concat!("portcullis-connect/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .tls_backend_rustls();
        if let Some(path) = &self.ca_file {
            builder = builder.tls_certs_only(certificates(&*self.disk, path)?);
        } else if url.scheme() == "http" {
            // Plain HTTP needs no certificates, which a machine may not have.
            builder = builder.tls_certs_only([]);
        }
        if is_this_machine(url) {
            builder = builder.no_proxy();
        }
        builder
            .build()
            .map_err(|error| HttpError::Client(Box::new(error)))
    }
}

fn certificates(disk: &dyn Disk, path: &Path) -> Result<Vec<Certificate>, HttpError> {
    let pem = read_watched(disk, path, MAX_CERTIFICATES).map_err(|source| {
        let path = path.to_owned();
        HttpError::CertificateFile { path, source }
    })?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() {
        return Err(HttpError::NoCertificate(path.to_owned()));
    }
    Ok(found)
}

fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), HttpError> {
    let unusable = || HttpError::Header(name.to_owned());
    let key = HeaderName::try_from(name).map_err(|_| unusable())?;
    let mut value = HeaderValue::try_from(value.expose()).map_err(|_| unusable())?;
    value.set_sensitive(true);
    Ok((key, value))
}

/// Returns the time after which the service wants the next request (RFC 9110, section 10.2.3): a
/// number of seconds, or a date. A date counts from the service's own, so that a wrong clock here
/// does no harm. `None` if there is no such time.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = headers.get(DATE)?.to_str().ok()?;
    let (then, now) = (
        httpdate::parse_http_date(text),
        httpdate::parse_http_date(date),
    );
    then.ok()?.duration_since(now.ok()?).ok()
}

/// Reads the body up to the maximum size. Does not rely on the length in the header.
async fn read(mut response: Response) -> Result<Secret, HttpError> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(HttpError::TooLarge(MAX_ANSWER));
        }
        body.extend_from_slice(&chunk);
    }
    let text = str::from_utf8(&body).map_err(|_| HttpError::NotText)?;
    Ok(Secret::new(text))
}

fn failed(error: reqwest::Error) -> HttpError {
    HttpError::Connection(Box::new(error.without_url()))
}

#[cfg(test)]
mod tests {
    use portcullis_core::with_causes;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::HttpOptions;

    /// Answers one request with `answer`. Returns the request.
    async fn serve(listener: TcpListener, answer: Vec<u8>) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut request, mut buffer) = (String::new(), [0; 4096]);
        while !request.ends_with("a=b") {
            let length = stream.read(&mut buffer).await.unwrap();
            request.push_str(str::from_utf8(&buffer[..length]).unwrap());
        }
        // The client may close the connection before it has read everything.
        let _ = stream.write_all(&answer).await;
        request
    }

    /// Sends a request to a server that answers with `answer`. Returns both.
    async fn exchange(answer: Vec<u8>) -> (String, Result<HttpResponse, HttpError>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = HttpOptions {
            timeout: Duration::from_mins(2),
            ..HttpOptions::default()
        };
        let address = format!("http://{}/token", listener.local_addr().unwrap());
        let request = HttpRequest {
            url: options.endpoint(&address).unwrap(),
            headers: vec![("x-api-key".to_owned(), Secret::new("hunter2"))],
            body: Secret::new("a=b"),
        };
        tokio::join!(serve(listener, answer), options.post(request))
    }

    fn answer(head: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    #[tokio::test]
    async fn status_and_body_are_returned_and_redirects_are_not_followed() {
        let (request, response) = exchange(answer("201 Created", b"token")).await;
        assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-api-key: hunter2\r\n"), "{request}");
        let response = response.unwrap();
        assert_eq!((response.status, response.body.expose()), (201, "token"));
        assert!(!format!("{response:?}").contains("token"));
        let redirect = answer(
            "307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/",
            b"",
        );
        assert_eq!(exchange(redirect).await.1.unwrap().status, 307);
    }

    #[tokio::test]
    async fn the_time_of_the_next_request_is_a_number_or_a_date() {
        const DATE: &str = "date: Mon, 30 Nov 2026 10:00:00 GMT";
        for (headers, seconds) in [
            ("retry-after: 120".to_owned(), Some(120)),
            ("retry-after:  0 ".to_owned(), Some(0)),
            (
                format!("{DATE}\r\nretry-after: Mon, 30 Nov 2026 10:01:30 GMT"),
                Some(90),
            ),
            // No other date is known to be the service's.
            (
                "retry-after: Mon, 30 Nov 2026 10:01:30 GMT".to_owned(),
                None,
            ),
            (
                format!("{DATE}\r\nretry-after: Mon, 30 Nov 2026 09:59:59 GMT"),
                None,
            ),
            ("retry-after: -5".to_owned(), None),
            ("retry-after: soon".to_owned(), None),
            ("x-other: 5".to_owned(), None),
        ] {
            let head = format!("429 Too Many Requests\r\n{headers}");
            let response = exchange(answer(&head, b"{}")).await.1.unwrap();
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(response.retry_after, expected, "{headers}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_used_is_an_error() {
        let (_, response) = exchange(answer("200 OK", &vec![b'x'; MAX_ANSWER + 1])).await;
        assert!(matches!(response, Err(HttpError::TooLarge(_))));
        let (_, response) = exchange(answer("200 OK", b"\xff")).await;
        assert!(matches!(response, Err(HttpError::NotText)));
        let (_, response) = exchange(Vec::new()).await;
        let text = with_causes(&response.unwrap_err());
        assert!(text.starts_with("the connection failed: "), "{text}");
        assert!(!text.contains("127.0.0.1"), "{text}");
    }

    #[tokio::test]
    async fn a_file_without_certificates_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let client = NetworkClient {
            ca_file: Some(path.clone()),
            ..NetworkClient::default()
        };
        let url = Url::parse("https://idp.example").unwrap();
        let missing = client.client(&url).unwrap_err();
        assert!(
            matches!(missing, HttpError::CertificateFile { .. }),
            "{missing}"
        );
        std::fs::write(&path, "nothing").unwrap();
        let none = client.client(&url).unwrap_err();
        assert!(matches!(none, HttpError::NoCertificate(_)), "{none}");
    }
}
