//! The options of the records in memory.

/// The options of the records in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// The subject of questions.
    pub subject: String,
    /// Maximum number of records. Default: 1000.
    pub max_records: usize,
    /// Maximum size of the records in memory, in bytes. Default: 16 MiB.
    pub max_size: u64,
}

impl LiveOptions {
    /// Name of the endpoint, as NATS tools show it.
    pub const ENDPOINT: &'static str = "decisions";

    /// Returns options with this subject, and defaults.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            max_records: 1000,
            max_size: 16 << 20,
        }
    }
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self::new("portcullis.records")
    }
}
