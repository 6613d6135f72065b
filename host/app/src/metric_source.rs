//! The sources of samples of an embedding program.

use portcullis_core::Sample;

/// A source of samples that the page `/metrics` shows with those of the host.
pub type MetricSource = Box<dyn Fn() -> Vec<Sample> + Send + Sync>;
