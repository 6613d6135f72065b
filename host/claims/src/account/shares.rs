//! Exports and imports of accounts.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lenient::{is_empty, or_default};

/// A kind of export or import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShareKind {
    /// Messages of the exporting account.
    Stream,
    /// A service of the exporting account.
    Service,
}

/// An export: an offer of an account to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Export {
    /// Name for humans.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub name: String,
    /// Exported subject.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub subject: String,
    /// Kind of the export. An export without a kind is invalid.
    #[serde(rename = "type", skip_serializing_if = "is_empty")]
    pub kind: Option<ShareKind>,
    /// Whether importers need an activation token.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub token_req: bool,
    /// Revoked accounts (`A…`, or `*` for all). Their activation tokens issued up to the given
    /// time, in seconds since the Unix epoch, are void.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub revocations: BTreeMap<String, i64>,
    /// Form of a service's answers: `Singleton`, `Stream` or `Chunked`. Empty stands for
    /// `Singleton`.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub response_type: String,
    /// Time limit of a service's answer, in nanoseconds.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub response_threshold: i64,
    /// Measurement of a service's latency.
    #[serde(rename = "service_latency", skip_serializing_if = "is_empty")]
    pub latency: Option<ServiceLatency>,
    /// Position, from 1, of the subject's token that has to be the importing account. 0 requires
    /// none.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub account_token_position: u64,
    /// Whether the export may be advertised to all users.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub advertise: bool,
    /// Whether message traces may cross into the exporting account.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub allow_trace: bool,
    /// Description for humans.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub description: String,
    /// URL with more information about the export.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub info_url: String,
}

/// The measurement of a service's latency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceLatency {
    /// Selection of the measured requests.
    #[serde(deserialize_with = "or_default")]
    pub sampling: LatencySampling,
    /// Subject to which the measurements are published.
    #[serde(deserialize_with = "or_default")]
    pub results: String,
}

/// A selection of measured requests. Default: [`Headers`](Self::Headers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LatencySampling {
    /// Requests whose headers ask for a measurement.
    #[default]
    Headers,
    /// A percentage of the requests.
    Percent(u8),
}

/// An import: the use of another account's export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Import {
    /// Name for humans.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub name: String,
    /// Imported subject. For a stream, the subject in the exporting account; for a service, the
    /// subject in the importing account.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub subject: String,
    /// Exporting account, `A…`.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub account: String,
    /// Activation token. Empty if the export needs none.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub token: String,
    /// Subject on the other side, in tokens without `local_subject`.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub to: String,
    /// Subject in the importing account. Empty if both sides use one subject.
    #[serde(skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub local_subject: String,
    /// Kind of the import. An import without a kind is invalid.
    #[serde(rename = "type", skip_serializing_if = "is_empty")]
    pub kind: Option<ShareKind>,
    /// Whether the exporting account learns the identity of requesters.
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
