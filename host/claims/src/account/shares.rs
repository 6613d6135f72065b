//! What accounts share: exports and imports.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lenient::{is_empty, or_default};

/// What is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShareKind {
    /// Messages of the exporting account.
    Stream,
    /// A service of the exporting account.
    Service,
}

/// What an account offers to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Export {
    /// A name for people.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub name: String,
    /// The subject.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub subject: String,
    /// What it is. An export without is not valid.
    #[serde(rename = "type", skip_serializing_if = "is_empty")]
    pub kind: Option<ShareKind>,
    /// Whether importers need an activation token.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub token_req: bool,
    /// Accounts (`A…`, or `*` for all) whose activation tokens up to a time, in seconds since the Unix epoch, are
    /// void.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub revocations: BTreeMap<String, i64>,
    /// How a service answers: `Singleton`, `Stream` or `Chunked`; empty is the first.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub response_type: String,
    /// How long a service may take, in nanoseconds.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub response_threshold: i64,
    /// How the latency of a service is measured.
    #[serde(rename = "service_latency", skip_serializing_if = "is_empty")]
    pub latency: Option<ServiceLatency>,
    /// Which token of the subject, from 1, has to be the importer's account; 0 is none.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub account_token_position: u64,
    /// Whether it may be shown to everybody.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub advertise: bool,
    /// Whether message traces may cross into the exporting account.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub allow_trace: bool,
    /// A description for people.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub description: String,
    /// Where more is written about it.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub info_url: String,
}

/// How the latency of a service is measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceLatency {
    /// Which requests are measured.
    #[serde(deserialize_with = "or_default")]
    pub sampling: LatencySampling,
    /// The subject the measurements are published to.
    #[serde(deserialize_with = "or_default")]
    pub results: String,
}

/// Which requests are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LatencySampling {
    /// Those whose headers ask for it.
    #[default]
    Headers,
    /// So many of a hundred.
    Percent(u8),
}

/// What an account uses of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Import {
    /// A name for people.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub name: String,
    /// The subject: of a stream as the exporting account sees it, of a service as the importing account sees it.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub subject: String,
    /// The exporting account, `A…`.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub account: String,
    /// The activation token, if the export needs one.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub token: String,
    /// The subject on the other side, in tokens that have no `local_subject`.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub to: String,
    /// The subject in the importing account, where it is another.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub local_subject: String,
    /// What it is. An import without is not valid.
    #[serde(rename = "type", skip_serializing_if = "is_empty")]
    pub kind: Option<ShareKind>,
    /// Whether the exporting account learns who asks.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub share: bool,
    /// Whether message traces may cross into the importing account.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub allow_trace: bool,
}

impl Serialize for LatencySampling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Headers | Self::Percent(0) => serializer.serialize_str("headers"),
            Self::Percent(percent) => serializer.serialize_u8(*percent),
        }
    }
}

impl<'de> Deserialize<'de> for LatencySampling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u8),
            Word(String),
        }

        match Written::deserialize(deserializer)? {
            Written::Number(0) => Ok(Self::Headers),
            Written::Number(percent) => Ok(Self::Percent(percent)),
            Written::Word(word) if word.eq_ignore_ascii_case("headers") => Ok(Self::Headers),
            Written::Word(_) => Err(D::Error::custom("expected a percentage or `headers`")),
        }
    }
}
