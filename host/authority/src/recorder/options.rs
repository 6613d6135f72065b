//! The options of a recorder.

/// The facts about a client that records have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordedFacts {
    /// The facts that the log line of a decision has too. The default.
    #[default]
    Shown,
    /// All facts that a policy can ask for, apart from secrets: also claims, groups, tags and the
    /// certificate.
    All,
}

/// The treatment of records while the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenRecordsFull {
    /// The host drops and counts records that do not fit into the queue. The default.
    #[default]
    Drop,
    /// The login waits until its record fits into the queue, up to the server's timeout.
    Block,
}

/// The options of a recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecorderOptions {
    /// Name of the host in its records.
    pub host_name: String,
    /// Version of the host in its records.
    pub host_version: String,
    /// Id of this start of the host.
    pub start: String,
    /// The facts about clients.
    pub facts: RecordedFacts,
    /// The treatment of records while the queue is full.
    pub when_full: WhenRecordsFull,
    /// Maximum size of the records in memory, in bytes: those in the queue, and those of permits
    /// that the server may still refuse.
    pub max_pending: usize,
}

impl RecorderOptions {
    /// The default of `max_pending`: 64 MiB.
    pub const MAX_PENDING: usize = 64 << 20;
}
