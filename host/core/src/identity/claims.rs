//! Claims of a token, by path.

use std::fmt;

use serde_json::{Map, Value};

/// The claims of a verified token, by path.
///
/// A path has one of three forms, tried in this order:
///
/// - With a leading slash, a JSON pointer (RFC 6901).
/// - The literal name of a claim (`https://example.com/groups`).
/// - If no claim has that name, names separated by dots, each inside the previous one
///   (`realm_access.roles`).
///
/// `Debug` shows names only, because the values are the payload of a token.
///
/// ```
/// use portcullis_core::Claims;
///
/// let claims = Claims::from_json(r#"{ "realm_access": { "roles": ["a", "b"] }, "scope": "x y" }"#)?;
/// assert_eq!(claims.texts("realm_access.roles"), ["a", "b"]);
/// assert_eq!(claims.texts("/realm_access/roles/1"), ["b"]);
/// assert_eq!(claims.texts("scope"), ["x y"]);
/// assert_eq!(claims.texts("sub"), [""; 0]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Claims(Value);

impl Claims {
    /// Parses the claims in a JSON object.
    ///
    /// # Errors
    ///
    /// Fails if the text is not a JSON object.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self::new)
    }

    /// Wraps the claims of a parsed JSON object.
    pub fn new(claims: Map<String, Value>) -> Self {
        Self(Value::Object(claims))
    }

    /// Returns the value at `path`. `None` if the claims have no such path.
    pub fn get(&self, path: &str) -> Option<&Value> {
        if path.starts_with('/') {
            return self.0.pointer(path);
        }
        self.0.get(path).or_else(|| {
            let mut names = path.split('.');
            names.try_fold(&self.0, |value, name| value.as_object()?.get(name))
        })
    }

    /// Returns the values at `path` as texts. A text, number or Boolean gives one text. An array
    /// gives one for each such member, in order. Any other value gives none.
    pub fn texts(&self, path: &str) -> Vec<String> {
        match self.get(path) {
            Some(Value::Array(values)) => values.iter().filter_map(text).collect(),
            Some(value) => text(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Returns the names of the members of the object at `path`, in alphabetical order. Empty if
    /// `path` leads to no object.
    pub fn members(&self, path: &str) -> impl Iterator<Item = &str> {
        let members = self.get(path).and_then(Value::as_object);
        members.into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// Returns the names of the top-level claims, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let claims = self.0.as_object();
        claims.into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// Returns these claims without the top-level claim `name`.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let claims = self.0.as_object().into_iter().flatten();
        let others = claims.filter(|(claim, _)| *claim != name);
        Self::new(
            others
                .map(|(claim, value)| (claim.clone(), value.clone()))
                .collect(),
        )
    }

    /// Returns whether there is no claim.
    pub fn is_empty(&self) -> bool {
        self.names().next().is_none()
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        Claims::from_json(json).unwrap()
    }

    #[test]
    fn a_name_with_dots_comes_before_the_path_it_could_be() {
        let claims =
            claims(r#"{ "a.b": "name", "a": { "b": "path", "c.d": "far" }, "https://x.y/z": 1 }"#);
        assert_eq!(claims.texts("a.b"), ["name"]);
        assert_eq!(claims.texts("https://x.y/z"), ["1"]);
        assert_eq!(claims.texts("/a/b"), ["path"]);
        assert_eq!(claims.texts("/a/c.d"), ["far"]);
        assert_eq!(claims.get("a.c.d"), None);
    }

    #[test]
    fn an_object_has_members() {
        let claims =
            claims(r#"{ "roles": { "b": {}, "a": { "c": 1 } }, "list": ["x"], "text": "t" }"#);
        assert_eq!(claims.members("roles").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(claims.members("/roles/a").collect::<Vec<_>>(), ["c"]);
        for path in ["list", "text", "none", "roles.b"] {
            assert_eq!(claims.members(path).next(), None, "{path}");
        }
    }

    #[test]
    fn what_is_no_text_has_none() {
        let claims = claims(
            r#"{ "mixed": ["a", 1, true, null, {}, ["b"]], "object": {}, "null": null, "text": "t" }"#,
        );
        assert_eq!(claims.texts("mixed"), ["a", "1", "true"]);
        for path in [
            "object",
            "null",
            "none",
            "text.length",
            "mixed.0",
            "",
            ".",
            "/none",
        ] {
            assert_eq!(claims.texts(path), [""; 0], "{path}");
        }
    }

    #[test]
    fn debug_shows_names_only() {
        let shown = format!("{:?}", claims(r#"{ "sub": "secret", "email": "secret" }"#));
        assert_eq!(shown, r#"{"email", "sub"}"#);
        assert!(Claims::default().is_empty());
    }

    #[test]
    fn claims_are_an_object() {
        for text in ["[]", "null", "1", "{", r#""a""#] {
            assert!(Claims::from_json(text).is_err(), "{text}");
        }
    }
}
