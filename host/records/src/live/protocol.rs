//! The question for records in the memory of hosts, and a page of the answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::filter::RecordFilter;

/// The name of all hosts that a question does not name.
pub(crate) const ANY_HOST: &str = "*";

/// A question for records. The empty one asks for the oldest records in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LiveQuestion {
    /// For each start of a host, by its id, the number after which the page begins: `next` of the
    /// page before. `*` stands for the hosts that are not named. Without it, they begin with their
    /// oldest record.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, u64>,
    /// Maximum number of records of the page. `None` sets no maximum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_records: Option<usize>,
    /// The conditions that records have to fit.
    #[serde(skip_serializing_if = "is_default")]
    pub filter: RecordFilter,
}

/// A page of the answer of one host.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LivePage {
    /// Version of this format, [`FORMAT`](Self::FORMAT).
    pub format: u32,
    /// The host that answers.
    pub host: LiveHost,
    /// The number after which this page begins, as the question has it.
    pub after: u64,
    /// The number after which the next page begins.
    pub next: u64,
    /// Whether another page is there already.
    pub more: bool,
    /// Number of records after the requested number that the host had evicted from its memory.
    pub evicted: u64,
    /// Number of fitting records that are too large for a page, and are left out.
    pub too_large: u64,
    /// The records that fit, in the order in which the host has recorded them.
    #[serde(default)]
    pub records: Vec<Value>,
}

/// The host that answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LiveHost {
    /// Name of the host's connection to the servers.
    pub name: String,
    /// Version of the host.
    pub version: String,
    /// Id of this start of the host.
    pub start: String,
}

impl LivePage {
    /// The version of the format.
    pub const FORMAT: u32 = 1;
}

fn is_default(filter: &RecordFilter) -> bool {
    *filter == RecordFilter::default()
}
