//! The reasons why keys could not be fetched.

use std::path::PathBuf;

use portcullis_files::ReadError;

/// A reason why an issuer's keys could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A required file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Reason why it was not read.
        #[source]
        source: ReadError,
    },
    /// The CA file has no certificate.
    #[error("`{}` has no PEM certificate", .0.display())]
    NoCertificate(PathBuf),
    /// The bearer token cannot be sent.
    #[error("`{}` has no token that can be sent in a header", .0.display())]
    NoBearerToken(PathBuf),
    /// The HTTP client cannot be built.
    #[error("the TLS settings do not work")]
    Client(#[source] reqwest::Error),
    /// The issuer did not answer in time.
    #[error("`{url}` took longer than the `timeout`")]
    Timeout {
        /// Fetched URL.
        url: String,
    },
    /// The issuer could not be reached, or closed the connection.
    #[error("`{url}` cannot be fetched")]
    Connection {
        /// Fetched URL.
        url: String,
        /// Failure of the connection.
        #[source]
        source: reqwest::Error,
    },
    /// The issuer's answer has a status other than 200. Redirects are not followed.
    #[error("`{url}` answers with status {status}")]
    Status {
        /// Fetched URL.
        url: String,
        /// Status of the answer.
        status: u16,
    },
    /// The issuer's keys are at another origin than its configuration, and that origin requires a
    /// token.
    #[error(
        "`{url}` answers with status {status}: discovery names it, and the token in `bearer-token-file` goes to `{configured}` only; set `jwks-url = \"{url}\"` in place of discovery to send it there"
    )]
    TokenNotSent {
        /// Fetched URL.
        url: String,
        /// Status of the answer.
        status: u16,
        /// Origin to which the token is sent.
        configured: String,
    },
    /// The answer is too long.
    #[error("`{origin}` has more than {limit} bytes, which is `max-size`")]
    TooLarge {
        /// Fetched URL or file.
        origin: String,
        /// Maximum size, in bytes.
        limit: usize,
    },
    /// The answer has an unexpected form.
    #[error("`{origin}` is {problem}")]
    Unexpected {
        /// Fetched URL or file.
        origin: String,
        /// Form of the answer.
        problem: &'static str,
    },
    /// The configuration is that of another issuer.
    #[error("`{url}` is the configuration of `{found}`, not of the issuer")]
    WrongIssuer {
        /// Fetched URL.
        url: String,
        /// Issuer of the configuration.
        found: String,
    },
    /// The issuer's configuration names an address of keys that cannot be trusted.
    #[error("`{url}` names a `jwks_uri` that is not used: {problem}")]
    KeysUrl {
        /// Fetched URL.
        url: String,
        /// What is wrong with the address.
        problem: &'static str,
    },
    /// The set has no key that could verify a token.
    #[error("`{origin}` has no key for signatures: {ignored}")]
    NoKeys {
        /// Fetched URL or file.
        origin: String,
        /// Keys of the set, each with the reason why it is not used.
        ignored: String,
    },
    /// The task that fetches panicked.
    #[error("fetching broke")]
    Broken,
}
