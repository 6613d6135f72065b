//! Sources of keys.

use std::sync::Arc;

use portcullis_files::WatchedFile;
use url::Url;

use crate::oidc::{IssuerOptions, KeySource};

/// The source of an issuer's keys, with validated addresses.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Discovery(Url),
    Jwks(Url),
    File(Arc<WatchedFile>),
}

impl Source {
    /// Returns the source in the options. The error says what is wrong with the address.
    #[expect(
        clippy::disallowed_methods,
        reason = "files with keys are on the disk of this system"
    )]
    pub(crate) fn new(options: &IssuerOptions) -> Result<Self, &'static str> {
        match &options.keys {
            KeySource::Discovery(Some(url)) => {
                allowed(url, options.allow_http).map(|()| Self::Discovery(url.clone()))
            }
            KeySource::Discovery(None) => {
                let url = well_known(&options.issuer)?;
                allowed(&url, options.allow_http).map(|()| Self::Discovery(url))
            }
            KeySource::Jwks(url) => {
                allowed(url, options.allow_http).map(|()| Self::Jwks(url.clone()))
            }
            KeySource::File(path) => {
                let max_bytes = u64::try_from(options.max_bytes).unwrap_or(u64::MAX);
                Ok(Self::File(Arc::new(WatchedFile::new(path, max_bytes))))
            }
        }
    }
}

/// Returns the address of an issuer's configuration (`OpenID` Connect Discovery 1.0, section 4.1).
fn well_known(issuer: &str) -> Result<Url, &'static str> {
    if issuer.starts_with("spiffe://") {
        return Err(
            "a SPIFFE trust domain has no discovery: name its bundle in `jwks-url` or `jwks-file`",
        );
    }
    let problem = "the issuer is not a URL, so that it needs the URL of its keys";
    let url = Url::parse(issuer).map_err(|_| problem)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an issuer has neither a query nor a fragment");
    }
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    Url::parse(&format!("{base}/.well-known/openid-configuration")).map_err(|_| problem)
}

/// Checks that no third party can change what an address serves.
pub(crate) fn allowed(url: &Url, allow_http: bool) -> Result<(), &'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a user name or a password");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if allow_http || !IssuerOptions::needs_allow_http(url) => Ok(()),
        "http" => Err("it is not `https`; set `allow-http` if no other machine can come between"),
        _ => Err("it is not `https`"),
    }
}
