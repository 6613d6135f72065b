//! From where an issuer's keys are to the keys.

mod file;
mod http;
mod source;

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_files::ReadError;

use super::IssuerOptions;
use super::jwks::{KeySet, KeyUse};

pub(crate) use source::{Source, is_local};

/// Why an issuer's keys could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A file that is needed cannot be read.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// The CA file holds nothing to trust.
    #[error("`{}` has no PEM certificate", .0.display())]
    NoCertificate(PathBuf),
    /// The bearer token cannot be sent.
    #[error("`{}` has no token that can be sent in a header", .0.display())]
    NoBearerToken(PathBuf),
    /// No client for HTTP could be made.
    #[error("the TLS settings do not work")]
    Client(#[source] reqwest::Error),
    /// The issuer did not answer in time.
    #[error("`{url}` took longer than the `timeout`")]
    Timeout {
        /// What was fetched.
        url: String,
    },
    /// The issuer could not be reached, or ended the connection.
    #[error("`{url}` cannot be fetched")]
    Connection {
        /// What was fetched.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// The issuer did not answer with 200. Redirects are not followed.
    #[error("`{url}` answers with status {status}")]
    Status {
        /// What was fetched.
        url: String,
        /// The status.
        status: u16,
    },
    /// The issuer's keys are at another origin than its configuration, and that origin wants a token.
    #[error(
        "`{url}` answers with status {status}: discovery names it, and the token in `bearer-token-file` goes to `{configured}` only; set `jwks-url = \"{url}\"` in place of discovery to send it there"
    )]
    TokenNotSent {
        /// What was fetched.
        url: String,
        /// The status.
        status: u16,
        /// The origin that gets the token.
        configured: String,
    },
    /// The answer is too long.
    #[error("`{origin}` has more than {limit} bytes, which is `max-size`")]
    TooLarge {
        /// What was fetched.
        origin: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer is not what it should be.
    #[error("`{origin}` is {problem}")]
    Unexpected {
        /// What was fetched.
        origin: String,
        /// What it is.
        problem: &'static str,
    },
    /// The issuer's configuration is that of another issuer.
    #[error("`{url}` is the configuration of `{found}`, not of the issuer")]
    WrongIssuer {
        /// What was fetched.
        url: String,
        /// Whose it is.
        found: String,
    },
    /// The issuer's configuration has keys at a place that cannot be trusted.
    #[error("`{url}` names a `jwks_uri` that is not used: {problem}")]
    KeysUrl {
        /// What was fetched.
        url: String,
        /// What is wrong with the address.
        problem: &'static str,
    },
    /// There is no key that could verify anything.
    #[error("`{origin}` has no key for signatures: {ignored}")]
    NoKeys {
        /// What was fetched.
        origin: String,
        /// The keys that there are, each with the reason why it is not used.
        ignored: String,
    },
    /// Something broke.
    #[error("fetching broke")]
    Broken,
}

/// Fetches the keys.
pub(crate) async fn fetch(
    source: &Source,
    options: &Arc<IssuerOptions>,
) -> Result<KeySet, FetchError> {
    let (origin, json) = match source {
        Source::Discovery(url) => http::discover(url, options).await?,
        Source::Jwks(url) => http::get(url, url, options).await?,
        Source::File(file) => file::read(file).await?,
    };
    keys(origin, &json, key_use(options))
}

/// Reads the files that fetching will need, so that a mistake is seen at once.
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

/// What the keys of an issuer have to be for: those of a SPIFFE trust domain for JWT-SVIDs.
fn key_use(options: &IssuerOptions) -> KeyUse {
    if options.is_trust_domain() {
        KeyUse::JwtSvids
    } else {
        KeyUse::Signatures
    }
}

/// A set without a usable key is an operator's mistake: as a fetch that failed it leaves the keys that are held in use.
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
