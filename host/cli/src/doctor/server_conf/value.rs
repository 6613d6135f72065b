//! Values of a configuration.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    List(Vec<Self>),
    Map(Map),
}

/// The pairs of a map, in order. Servers ignore the case of most keys, and the last of equal keys
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Map(pub(super) Vec<(String, Value)>);

impl Map {
    /// Returns the value of the first of `keys` that the map has. The case of keys does not matter.
    pub(crate) fn get(&self, keys: &[&str]) -> Option<&Value> {
        let is = |name: &str| keys.iter().any(|key| key.eq_ignore_ascii_case(name));
        let mut pairs = self.0.iter().rev();
        pairs.find(|(name, _)| is(name)).map(|(_, value)| value)
    }

    /// Returns the map at one of `keys`.
    pub(crate) fn map(&self, keys: &[&str]) -> Option<&Self> {
        match self.get(keys)? {
            Value::Map(map) => Some(map),
            Value::Text(_) | Value::List(_) => None,
        }
    }

    /// Returns the text at one of `keys`.
    pub(crate) fn text(&self, keys: &[&str]) -> Option<&str> {
        match self.get(keys)? {
            Value::Text(text) => Some(text),
            Value::Map(_) | Value::List(_) => None,
        }
    }

    /// Returns the texts of the list at one of `keys`. Empty if it is absent.
    pub(crate) fn texts(&self, keys: &[&str]) -> Vec<String> {
        match self.get(keys) {
            Some(Value::List(list)) => list.iter().filter_map(Value::as_text).collect(),
            Some(Value::Text(text)) => vec![text.clone()],
            Some(Value::Map(_)) | None => Vec::new(),
        }
    }

    /// Returns the keys, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

impl Value {
    fn as_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}
