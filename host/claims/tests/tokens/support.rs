//! Fixtures and keys.

use std::path::Path;

use portcullis_claims::{KeyKind, SigningKey};
use serde_json::Value;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokens");
    std::fs::read_to_string(path.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns a token that the Go library made.
pub(crate) fn token(name: &str) -> String {
    read(&format!("{name}.jwt")).trim().to_owned()
}

/// Returns the claims that the Go library reads from a token, without the escapes that only Go
/// writes.
pub(crate) fn claims_of_go(name: &str) -> String {
    read(&format!("{name}.json"))
        .trim()
        .replace("\\u003c", "<")
        .replace("\\u003e", ">")
        .replace("\\u0026", "&")
        .replace("\\u2028", "\u{2028}")
}

pub(crate) fn seed(name: &str) -> String {
    let seeds: Value = serde_json::from_str(&read("seeds.json")).unwrap();
    seeds[name].as_str().unwrap().to_owned()
}

pub(crate) fn key(name: &str) -> SigningKey {
    let seed = seed(name);
    let kind = match seed.chars().nth(1) {
        Some('O') => KeyKind::Operator,
        Some('A') => KeyKind::Account,
        Some('U') => KeyKind::User,
        Some('N') => KeyKind::Server,
        other => panic!("{other:?}"),
    };
    SigningKey::from_seed(&seed, kind).unwrap()
}

pub(crate) fn public(name: &str) -> String {
    key(name).public_key().to_owned()
}

/// Returns a key pair for other implementations.
pub(crate) fn pair(name: &str) -> nats_token::KeyPair {
    nats_token::KeyPair::from_seed(&seed(name)).unwrap()
}

/// Returns JSON without empty values, because implementations differ in whether they write them.
pub(crate) fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), without_empty(value)))
            .filter(|(_, value)| !is_empty(value))
            .collect(),
        Value::Array(values) => values.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}
