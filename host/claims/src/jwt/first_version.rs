//! The fields of tokens of version 1.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::lenient::{object_or_default, or_default};

/// The fields that version 1 has outside `nats`, and all that it has under `nats`. `Debug` shows no
/// content.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FirstVersion {
    /// Kind of the token.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: Option<String>,
    /// Tags of the token.
    #[serde(deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// Account that the issuer signed for.
    pub issuer_account: Option<String>,
    /// Object under `nats`.
    #[serde(deserialize_with = "object_or_default")]
    pub nats: Map<String, Value>,
}

impl FirstVersion {
    /// Returns the account that the issuer signed for. `None` if it is empty.
    pub fn issuer_account(&self) -> Option<String> {
        let account = self.issuer_account.clone();
        account.filter(|account| !account.is_empty())
    }
}

impl fmt::Debug for FirstVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FirstVersion")
            .finish_non_exhaustive()
    }
}
