//! The record of repeated trouble, which the connections of one service share.

use std::time::Duration;

use portcullis_core::Repeats;

/// The wait before the first summary. Every later wait is twice as long.
const FIRST_SUMMARY: Duration = Duration::from_secs(10);
/// The longest wait between two summaries.
const MAX_SUMMARY_WAIT: Duration = Duration::from_mins(10);
/// The silence after which trouble is reported as new.
const FORGET_AFTER: Duration = Duration::from_mins(1);
/// The maximum number of kinds of trouble, each known by its text.
const MAX_KINDS: usize = 64;

/// Creates the record that the connections of one service share.
pub(crate) fn trouble() -> Repeats<String> {
    Repeats::summed_up_with_back_off(MAX_KINDS, FIRST_SUMMARY, MAX_SUMMARY_WAIT, FORGET_AFTER)
}
