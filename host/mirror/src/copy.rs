//! All keys of a bucket at one moment, for other uses than look-ups.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::entry::{Entry, Value};

/// All keys of a bucket at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketCopy {
    /// Whether the bucket has these keys now. `false` while its connection is lost, or while the
    /// copy is compared with the server's counts and differs.
    pub is_current: bool,
    /// The keys with their values. Expired keys are left out.
    pub keys: BTreeMap<String, CopiedValue>,
}

/// The value of a key. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct CopiedValue {
    /// The value. `None` if it is not UTF-8.
    pub text: Option<Arc<str>>,
    /// The time at which the server stored the value.
    pub stored: SystemTime,
    /// The time at which the server removes the key without notice. `None` if it does not.
    pub expires: Option<SystemTime>,
}

impl From<&Entry> for CopiedValue {
    fn from(entry: &Entry) -> Self {
        Self {
            text: match &entry.value {
                Value::Text(text) => Some(Arc::clone(text)),
                Value::NotText | Value::Absent => None,
            },
            stored: entry.stored,
            expires: entry.expires,
        }
    }
}

impl fmt::Debug for CopiedValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CopiedValue")
            .field("stored", &self.stored)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
