//! State of an issuer's keys.

/// The state of the keys of one issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerStatus {
    /// The operator's name for the issuer.
    pub name: String,
    /// The issuer's `iss`.
    pub issuer: String,
    /// Whether the host is ready only once it has had keys of the issuer.
    pub required: bool,
    /// Number of current keys.
    pub keys: usize,
    /// Time of the last successful fetch, in seconds since the Unix epoch. `None` before the first.
    pub fetched_at: Option<u64>,
    /// Reason why the last fetch failed. `None` if it succeeded.
    pub error: Option<String>,
    /// Number of fetches, successful or not.
    pub fetches: u64,
    /// Number of failed fetches.
    pub failures: u64,
}
