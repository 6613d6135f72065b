//! The options of traces of logins.

use crate::otlp::OtlpOptions;

/// The options of traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceOptions {
    /// The collector.
    pub collector: OtlpOptions,
    /// One in this number of logins is traced, of those whose request has no `traceparent`.
    /// Default: 1, for all.
    pub one_in: u32,
}

impl TraceOptions {
    /// Returns options that trace every login.
    pub const fn new(collector: OtlpOptions) -> Self {
        Self {
            collector,
            one_in: 1,
        }
    }
}
