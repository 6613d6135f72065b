//! Fetching of an issuer's keys.

mod discovery;
mod error;
mod file;
mod http;
mod source;

use std::sync::Arc;

use super::IssuerOptions;
use super::jwks::{KeySet, KeyUse};

pub use error::FetchError;
pub use http::{HttpAnswer, HttpClient, HttpRequest, NetworkClient};
pub(crate) use source::Source;

/// Fetches the keys, those of a provider through `http`.
pub(crate) async fn fetch(
    http: &dyn HttpClient,
    source: &Source,
    options: &Arc<IssuerOptions>,
) -> Result<KeySet, FetchError> {
    let (origin, json) = match source {
        Source::Discovery(url) => discovery::discover(http, url, options).await?,
        Source::Jwks(url) => discovery::get(http, url, url, options).await?,
        Source::File(file) => file::read(file).await?,
    };
    keys(origin, &json, key_use(options))
}

/// Reads the files that a fetch needs, so that a mistake is reported at the start.
pub(crate) fn check_files(source: &Source, options: &IssuerOptions) -> Result<(), FetchError> {
    match source {
        Source::File(file) => {
            let (origin, json) = file::read_now(file)?;
            keys(origin, &json, key_use(options)).map(drop)
        }
        Source::Discovery(url) | Source::Jwks(url) => {
            if let Some(path) = &options.bearer_token_file {
                http::bearer(path)?;
            }
            if options.ca_file.is_some() {
                http::client(url, options)?;
            }
            Ok(())
        }
    }
}

/// Returns the required use of an issuer's keys. Those of a SPIFFE trust domain are for JWT-SVIDs.
fn key_use(options: &IssuerOptions) -> KeyUse {
    if options.is_trust_domain() {
        KeyUse::JwtSvids
    } else {
        KeyUse::Signatures
    }
}

/// Parses a key set. A set without a usable key is an error, because it is a mistake of an
/// operator. As after a failed fetch, the current keys stay in use.
fn keys(origin: String, json: &[u8], usage: KeyUse) -> Result<KeySet, FetchError> {
    let Ok(keys) = KeySet::parse(json, usage) else {
        let problem = "not a JWK set: expected an object with an array `keys`";
        return Err(FetchError::Unexpected { origin, problem });
    };
    if keys.len() == 0 {
        let ignored = keys.told_ignored();
        let ignored = ignored.unwrap_or_else(|| "the set is empty".to_owned());
        return Err(FetchError::NoKeys { origin, ignored });
    }
    Ok(keys)
}

#[cfg(test)]
mod tests;
