//! What the wire forms share: fields of unknown names, absent lists, times and traffic.

use std::time::Duration;

use portcullis_core::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// The fields of an object that its type does not name, such as those of later releases.
pub type OtherFields = Map<String, Value>;

/// Messages and their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Traffic {
    /// Number of messages.
    #[serde(rename = "msgs")]
    pub messages: i64,
    /// Size of the messages, in bytes.
    pub bytes: i64,
}

/// Messages and their bytes, by the kind of the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct TrafficTotal {
    /// Number of messages.
    #[serde(rename = "msgs")]
    pub messages: i64,
    /// Size of the messages, in bytes.
    pub bytes: i64,
    /// The share of gateways. `None` before nats-server 2.11.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateways: Option<Traffic>,
    /// The share of routes. `None` before nats-server 2.11.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<Traffic>,
    /// The share of leafnodes. `None` before nats-server 2.11.
    #[serde(rename = "leafs", skip_serializing_if = "Option::is_none")]
    pub leafnodes: Option<Traffic>,
}

/// Reads `null` as the default: Go encodes an absent list or map as `null`.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Times in nanoseconds, as Go encodes them.
pub(crate) mod nanoseconds {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    pub(crate) fn deserialize<'de, D>(deserializer: D) -> Result<Option<Duration>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let nanoseconds = Option::<i64>::deserialize(deserializer)?;
        // A negative time of Go stands for none.
        let known = nanoseconds.and_then(|nanoseconds| u64::try_from(nanoseconds).ok());
        Ok(known.map(Duration::from_nanos))
    }

    #[expect(
        clippy::ref_option,
        reason = "the signature is that of serde's `serialize_with`"
    )]
    pub(crate) fn serialize<S>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        match time.map(|time| u64::try_from(time.as_nanos())) {
            Some(Ok(nanoseconds)) => serializer.serialize_some(&nanoseconds),
            Some(Err(_)) | None => serializer.serialize_none(),
        }
    }
}

/// Reads a JWT so that neither `Debug` nor a log shows it.
pub(crate) fn secret<'de, D>(deserializer: D) -> Result<Option<Secret>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(Secret::new))
}
