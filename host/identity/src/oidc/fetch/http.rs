//! Keys over HTTP. Every fetch builds its own client, because fetches are rare, and certificates
//! and tokens on disk change.

use std::path::Path;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use serde::Deserialize;
use url::Url;

use super::source::{allowed, is_local};
use super::{FetchError, file};
use crate::oidc::IssuerOptions;
use crate::oidc::error::shown;

/// Maximum size of a bearer token that is sent, in bytes.
const MAX_BEARER: u64 = 64 * 1024;

/// Maximum size of a file of certificates, in bytes.
const MAX_CERTIFICATES: u64 = 1024 * 1024;

/// The relevant fields of an issuer's configuration (`OpenID` Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

/// Fetches the issuer's configuration, then the keys from the address that it names.
pub(crate) async fn discover(
    url: &Url,
    options: &Arc<IssuerOptions>,
) -> Result<(String, Vec<u8>), FetchError> {
    let (origin, json) = get(url, url, options).await?;
    let Ok(found) = serde_json::from_slice::<Configuration>(&json) else {
        let problem = "not an issuer's configuration: expected `issuer` and `jwks_uri`";
        return Err(FetchError::Unexpected { origin, problem });
    };
    if found.issuer != options.issuer {
        let found = shown(&found.issuer);
        return Err(FetchError::WrongIssuer { url: origin, found });
    }
    let keys = Url::parse(&found.jwks_uri).map_err(|_| "it is not a URL");
    let keys = keys.and_then(|keys| allowed(&keys, options.allow_http).map(|()| keys));
    match keys {
        Ok(keys) => {
            let got = get(&keys, url, options).await;
            got.map_err(|error| explained(error, &keys, url, options))
        }
        Err(problem) => Err(FetchError::KeysUrl {
            url: origin,
            problem,
        }),
    }
}

/// Explains an error for keys at the address that discovery names. A missing token can be the
/// reason.
fn explained(
    error: FetchError,
    keys: &Url,
    configured: &Url,
    options: &IssuerOptions,
) -> FetchError {
    let is_without_token =
        options.bearer_token_file.is_some() && keys.origin() != configured.origin();
    match error {
        FetchError::Status {
            url,
            status: status @ (401 | 403),
        } if is_without_token => FetchError::TokenNotSent {
            url,
            status,
            configured: configured.origin().ascii_serialization(),
        },
        error => error,
    }
}

/// Fetches `url`. Returns its name and content. Sends the bearer token to the origin of
/// `configured` only.
pub(crate) async fn get(
    url: &Url,
    configured: &Url,
    options: &Arc<IssuerOptions>,
) -> Result<(String, Vec<u8>), FetchError> {
    let with_token = url.origin() == configured.origin();
    let (made_for, settings) = (url.clone(), Arc::clone(options));
    let prepare = move || prepare(&made_for, &settings, with_token);
    let prepared = tokio::task::spawn_blocking(prepare).await;
    let (client, token) = prepared.map_err(|_| FetchError::Broken)??;
    let mut request = client.get(url.clone());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, token);
    }
    let name = url.to_string();
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
async fn read(
    mut response: Response,
    origin: String,
    limit: usize,
) -> Result<(String, Vec<u8>), FetchError> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| failed(&origin, error))? else {
            return Ok((origin, body));
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
    if is_local(url) {
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
