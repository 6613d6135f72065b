//! From a text to its parts.

use super::Part;

/// The places that every policy has.
const KNOWN: [&str; 5] = ["principal", "username", "issuer", "nkey", "groups"];
/// What stands before the path of a claim.
pub(super) const CLAIM: &str = "claim.";

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTemplate {
    /// `{{` without `}}`.
    #[error("`{0}` has a place that is not closed; write `{{{{` and `}}}}`")]
    Unclosed(String),
    /// `}}` without `{{`.
    #[error("`{0}` closes a place that was not opened; write `{{{{` and `}}}}`")]
    Unopened(String),
    /// A name that means nothing.
    #[error("unknown place `{{{{{name}}}}}`: there are {known} and `{{{{claim.PATH}}}}`")]
    Unknown {
        /// The name.
        name: String,
        /// Those that mean something.
        known: String,
    },
}

pub(super) fn parse(text: &str, names: &[&str]) -> Result<Vec<Part>, InvalidTemplate> {
    let shown = || text.escape_debug().to_string();
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        push_text(&mut parts, before, shown)?;
        let (name, after) = after
            .split_once("}}")
            .ok_or_else(|| InvalidTemplate::Unclosed(shown()))?;
        parts.push(place(name.trim(), names)?);
        rest = after;
    }
    push_text(&mut parts, rest, shown)?;
    Ok(parts)
}

fn push_text(
    parts: &mut Vec<Part>,
    text: &str,
    shown: impl Fn() -> String,
) -> Result<(), InvalidTemplate> {
    if text.contains("}}") {
        return Err(InvalidTemplate::Unopened(shown()));
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

fn place(name: &str, names: &[&str]) -> Result<Part, InvalidTemplate> {
    let path = name.strip_prefix(CLAIM);
    if path.is_some_and(|path| !path.is_empty()) || KNOWN.contains(&name) || names.contains(&name) {
        return Ok(Part::Place(name.to_owned()));
    }
    let known = names.iter().chain(&KNOWN);
    let known: Vec<_> = known.map(|name| format!("`{{{{{name}}}}}`")).collect();
    Err(InvalidTemplate::Unknown {
        name: name.escape_debug().to_string(),
        known: known.join(", "),
    })
}
