//! Checks that the fuzz targets share.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Checks that data which was read can be written, and reads back to the same.
pub fn round_trip<T: Serialize + DeserializeOwned>(data: &T) {
    let written = serde_json::to_value(data).unwrap();
    let again: T = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), written);
}

/// Checks that an event which was read is written as one line of JSON with its kind. Returns the
/// object without the kind.
pub fn without_kind(event: &impl Serialize, kind: &str) -> Value {
    let line = serde_json::to_string(event).unwrap();
    assert!(!line.contains('\n'), "{line}");
    let mut value = serde_json::to_value(event).unwrap();
    let object = value.as_object_mut().unwrap();
    assert_eq!(object.remove("event").unwrap(), kind);
    value
}
