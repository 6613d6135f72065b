//! The trace of a login that has not ended.

/// The trace of a login that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveTrace {
    /// Id of the trace, as 32 hexadecimal digits.
    pub trace_id: String,
    pub(super) id: [u8; 16],
    pub(super) span: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
}
