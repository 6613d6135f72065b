//! Attributes and the other values that all signals of OTLP share.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// Maximum length of a collector's message in the log, in characters.
const MAX_MESSAGE: usize = 200;

/// The host that data comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Name of the host.
    pub(crate) name: String,
    /// Version of the host.
    pub(crate) version: String,
    /// Id of this start of the host.
    pub(crate) start: String,
}

/// A list of attributes without absent ones.
#[derive(Debug, Default)]
pub(crate) struct Attributes(Vec<KeyValue>);

impl Origin {
    /// Returns the host as a resource, by the semantic conventions of OpenTelemetry.
    pub(crate) fn resource(&self) -> Resource {
        let attributes = Attributes::default()
            .text("service.name", Some(&self.name))
            .text("service.version", Some(&self.version))
            .text("service.instance.id", Some(&self.start));
        Resource {
            attributes: attributes.into(),
            ..Resource::default()
        }
    }

    /// Returns the scope of the data.
    pub(crate) fn scope(&self) -> InstrumentationScope {
        InstrumentationScope {
            name: "portcullis".to_owned(),
            version: self.version.clone(),
            ..InstrumentationScope::default()
        }
    }
}

impl Attributes {
    /// Adds a text.
    pub(crate) fn text(self, key: &str, value: Option<&str>) -> Self {
        let value = value.map(|value| Value::StringValue(value.to_owned()));
        self.value(key, value)
    }

    /// Adds a number.
    pub(crate) fn number(self, key: &str, value: Option<u64>) -> Self {
        let value = value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
        self.value(key, value.map(Value::IntValue))
    }

    fn value(mut self, key: &str, value: Option<Value>) -> Self {
        self.0.extend(value.map(|value| KeyValue {
            key: key.to_owned(),
            value: Some(any(value)),
            ..KeyValue::default()
        }));
        self
    }
}

impl From<Attributes> for Vec<KeyValue> {
    fn from(attributes: Attributes) -> Self {
        attributes.0
    }
}

/// Wraps a value.
pub(crate) const fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

/// Returns a collector's message for the log: one line of bounded length.
pub(crate) fn shown(message: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    message.chars().take(MAX_MESSAGE).map(plain).collect()
}

/// Returns the bytes of a W3C trace id. Empty if it is not one.
pub(crate) fn trace_id(text: &str) -> Vec<u8> {
    u128::from_str_radix(text, 16).map_or_else(|_| Vec::new(), |id| id.to_be_bytes().to_vec())
}

/// Returns a time in nanoseconds since the Unix epoch.
pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
