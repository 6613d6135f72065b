//! OTLP over HTTP (OpenTelemetry protocol 1.x, binary Protobuf): the options of a collector.

mod certificates;
mod collector;
mod logs;
mod sink;
#[cfg(feature = "otel")]
mod traces;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_connect::{SecretSource, is_this_machine};
use url::Url;

pub use certificates::CertificatesError;
pub(crate) use logs::Logs;
pub(crate) use sink::OtlpSink;
#[cfg(feature = "otel")]
pub(crate) use traces::Traces;
pub(crate) use values::Origin;

use crate::sink::MAX_QUEUED;

/// The options of an OTLP collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpOptions {
    /// Address that requests are posted to. [`OtlpOptions::logs_url`] makes it.
    pub url: Url,
    /// Names and values of further header fields. The values are read again for every request.
    pub headers: BTreeMap<String, SecretSource>,
    /// Maximum time of one request, from the name look-up to the answer. Default: 10 s.
    pub timeout: Duration,
    /// File of the certificates to trust, as PEM. Default: `None`, for those of the system.
    pub ca_file: Option<PathBuf>,
    /// Maximum number of items in the queue. Default: 4096.
    pub max_queued: usize,
}

/// An address that is not one of a collector. The message does not repeat it, because it can hold
/// a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCollector {
    /// The text is not an address over HTTP.
    #[error("expected an address such as `https://collector.example.com:4318`")]
    NotUrl,
    /// The address has a user name or a password.
    #[error("has a user name or a password: put the credentials into a header")]
    HasPassword,
    /// The address has a query or a fragment.
    #[error("has a query or a fragment: put a key into a header")]
    HasQuery,
    /// The address is another machine's, over plain HTTP.
    #[error("is not `https`: set `allow-http = true` if no third party can read the network")]
    NotHttps,
}

impl OtlpOptions {
    /// The default of `timeout`.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// Returns options with every default.
    pub const fn new(url: Url) -> Self {
        Self {
            url,
            headers: BTreeMap::new(),
            timeout: Self::TIMEOUT,
            ca_file: None,
            max_queued: MAX_QUEUED,
        }
    }

    /// Parses the address that traces are posted to, as [`logs_url`](Self::logs_url) does it for
    /// logs, with `/v1/traces`.
    ///
    /// # Errors
    ///
    /// Fails if `text` is not an address of a collector.
    pub fn traces_url(text: &str) -> Result<Url, InvalidCollector> {
        endpoint(text, "/v1/traces")
    }

    /// Parses the address that logs are posted to. `/v1/logs` follows an address without a path,
    /// as OTLP says of base addresses.
    ///
    /// # Errors
    ///
    /// Fails if `text` is not an address of a collector.
    pub fn logs_url(text: &str) -> Result<Url, InvalidCollector> {
        endpoint(text, "/v1/logs")
    }

    /// Checks that no third party can read what is sent. Plain HTTP is for this machine only,
    /// unless `allow_http` is set.
    ///
    /// # Errors
    ///
    /// Fails with [`InvalidCollector::NotHttps`].
    pub fn check_privacy(url: &Url, allow_http: bool) -> Result<(), InvalidCollector> {
        if url.scheme() == "https" || allow_http || is_this_machine(url) {
            Ok(())
        } else {
            Err(InvalidCollector::NotHttps)
        }
    }

    /// Checks that the file of certificates can be used. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or has no certificate.
    pub fn check_files(&self) -> Result<(), CertificatesError> {
        self.ca_file
            .as_deref()
            .map_or(Ok(()), |path| certificates::read(path).map(drop))
    }
}

fn endpoint(text: &str, path: &str) -> Result<Url, InvalidCollector> {
    let mut url = Url::parse(text).map_err(|_| InvalidCollector::NotUrl)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(InvalidCollector::NotUrl);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidCollector::HasPassword);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(InvalidCollector::HasQuery);
    }
    if url.path() == "/" {
        url.set_path(path);
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
