//! Kinds of values, and values with their keys.

use crate::invalid::InvalidValue;

/// A kind of value: its parser, and its description for errors.
#[derive(Clone, Copy, Debug)]
pub struct Kind<T> {
    /// Description that fits after "expected".
    pub expected: &'static str,
    /// Parser of the value.
    pub parse: fn(&str) -> Result<T, InvalidValue>,
}

/// A value with the key that names it, for later messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed<T> {
    /// Key in dotted form: `nats.token-file`.
    pub key: String,
    /// Value of the key.
    pub value: T,
}
