//! Suggestions for unknown keys.

/// Minimum likeness of two keys for a suggestion. Equal keys have likeness 1.
const LIKENESS: f64 = 0.8;

/// Returns the key in `known` that `key` most resembles. Case and underscores do not count. `None`
/// if no key is alike.
///
/// ```
/// assert_eq!(portcullis_toml::nearest("Log_line", &["log-lines", "tables"]), Some("log-lines"));
/// assert_eq!(portcullis_toml::nearest("x", &["log-lines"]), None);
/// ```
pub fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let key = key.to_lowercase().replace('_', "-");
    known
        .iter()
        .map(|other| (strsim::jaro_winkler(&key, other), *other))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, other)| other)
}
