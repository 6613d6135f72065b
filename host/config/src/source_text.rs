//! The text of a configuration.

use std::fmt;
use std::sync::Arc;

/// The text of a configuration, to compare it with a later one. `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct SourceText(pub(crate) Arc<str>);

impl SourceText {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for SourceText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SourceText")
    }
}
