//! Documents over HTTP. Every fetch builds its own client, because fetches are rare, and
//! certificates and tokens on disk change.

use std::fmt::Debug;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use portcullis_core::is_own_host;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use url::Url;

use super::error::FetchError;
use super::file;
use crate::oidc::IssuerOptions;

/// Maximum size of a bearer token that is sent, in bytes.
const MAX_BEARER: u64 = 64 * 1024;

/// Maximum size of a file of certificates, in bytes.
const MAX_CERTIFICATES: u64 = 1024 * 1024;

/// The request of one document from an identity provider.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// The address of the document.
    pub url: Url,
    /// The options of the issuer: time limit, maximum size, certificates and token.
    pub options: Arc<IssuerOptions>,
    /// Whether the token in `bearer_token_file` goes to this address.
    pub sends_token: bool,
}

/// A future of a document's content.
pub type HttpAnswer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send + 'a>>;

/// A client that fetches documents from identity providers.
pub trait HttpClient: Debug + Send + Sync + 'static {
    /// Fetches one document. Follows no redirect, and fails if the status is not 200 or the
    /// document exceeds the maximum size.
    fn get(&self, request: HttpRequest) -> HttpAnswer<'_>;
}

/// The client that reaches providers over the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkClient;

impl HttpClient for NetworkClient {
    fn get(&self, request: HttpRequest) -> HttpAnswer<'_> {
        Box::pin(get(request))
    }
}

/// Fetches one document over the network.
async fn get(request: HttpRequest) -> Result<Vec<u8>, FetchError> {
    let HttpRequest {
        url,
        options,
        sends_token,
    } = request;
    let (made_for, settings) = (url.clone(), Arc::clone(&options));
    let prepare = move || prepare(&made_for, &settings, sends_token);
    let prepared = tokio::task::spawn_blocking(prepare).await;
    let (client, token) = prepared.map_err(|_| FetchError::Broken)??;
    let name = url.to_string();
    let mut request = client.get(url);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, token);
    }
    let response = request.send().await.map_err(|error| failed(&name, error))?;
    if response.status() != 200 {
        return Err(FetchError::Status {
            url: name,
            status: response.status().as_u16(),
        });
    }
    read(response, name, options.max_bytes).await
}

/// Reads the body up to `limit`. Does not rely on the length in the header.
async fn read(mut response: Response, origin: String, limit: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| failed(&origin, error))? else {
            return Ok(body);
        };
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(FetchError::TooLarge { origin, limit });
        }
        body.extend_from_slice(&chunk);
    }
}

fn failed(url: &str, error: reqwest::Error) -> FetchError {
    let url = url.to_owned();
    if error.is_timeout() {
        return FetchError::Timeout { url };
    }
    let source = error.without_url();
    FetchError::Connection { url, source }
}

fn prepare(
    url: &Url,
    options: &IssuerOptions,
    with_token: bool,
) -> Result<(Client, Option<HeaderValue>), FetchError> {
    let token_file = options.bearer_token_file.as_deref();
    let token = token_file.filter(|_| with_token).map(bearer).transpose()?;
    Ok((client(url, options)?, token))
}

/// Builds a client with TLS of aws-lc-rs. Trusts the system's certificates unless a file is
/// configured.
pub(crate) fn client(url: &Url, options: &IssuerOptions) -> Result<Client, FetchError> {
    let mut builder = Client::builder()
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .timeout(options.timeout)
        .tls_backend_rustls();
    if let Some(path) = &options.ca_file {
        builder = builder.tls_certs_only(certificates(path)?);
    } else if url.scheme() == "http" {
        // Plain HTTP needs no certificates, which a machine may not have.
        builder = builder.tls_certs_only([]);
    }
    if url.host_str().is_some_and(is_own_host) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(FetchError::Client)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, FetchError> {
    let pem = file::read_once(path, MAX_CERTIFICATES)?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() {
        return Err(FetchError::NoCertificate(path.to_owned()));
    }
    Ok(found)
}

pub(crate) fn bearer(path: &Path) -> Result<HeaderValue, FetchError> {
    let content = file::read_once(path, MAX_BEARER)?;
    let text = str::from_utf8(&content).map(str::trim_ascii).ok();
    let value = text
        .filter(|text| !text.is_empty())
        .and_then(|text| HeaderValue::try_from(format!("Bearer {text}")).ok());
    let mut value = value.ok_or_else(|| FetchError::NoBearerToken(path.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
