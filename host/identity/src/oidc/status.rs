//! How it is going with an issuer's keys.

/// How it is going with the keys of one issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerStatus {
    /// The operator's name for the issuer.
    pub name: String,
    /// Its `iss`.
    pub issuer: String,
    /// How many keys are held.
    pub keys: usize,
    /// When they were fetched, in seconds since the Unix epoch; none if they never were.
    pub fetched_at: Option<u64>,
    /// Why the last fetch failed; none if it did not.
    pub error: Option<String>,
    /// How often keys have been fetched, with or without success.
    pub fetches: u64,
    /// How often that failed.
    pub failures: u64,
}
