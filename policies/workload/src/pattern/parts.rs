//! The parts of names, which patterns match one by one.

use crate::kind::Kind;

/// Splits a name or a pattern into its parts. Lowers the case where case does not matter.
pub(super) fn parts(kind: Kind, text: &str) -> Vec<String> {
    match kind {
        Kind::Spiffe | Kind::Uri | Kind::ServiceAccount => {
            text.split('/').map(str::to_owned).collect()
        }
        Kind::Dns => text.split('.').map(str::to_ascii_lowercase).collect(),
        Kind::Email => match text.rsplit_once('@') {
            Some((local, domain)) => vec![local.to_owned(), domain.to_ascii_lowercase()],
            None => vec![text.to_owned()],
        },
        Kind::Subject => attributes(text),
        Kind::Fingerprint => vec![text.replace(':', "").to_ascii_lowercase()],
    }
}

/// Joins parts into a name.
pub(super) fn join(kind: Kind, parts: &[String]) -> String {
    match kind {
        Kind::Dns => parts.join("."),
        _ => parts.join("/"),
    }
}

/// Returns whether a distinguished name contains the character without a backslash before it.
pub(super) fn has_unescaped(text: &str, wanted: char) -> bool {
    let mut escaped = false;
    text.chars().any(|character| {
        let found = character == wanted && !escaped;
        escaped = character == '\\' && !escaped;
        found
    })
}

/// Splits a distinguished name at its commas. Drops the blank after a comma that some tools write.
fn attributes(text: &str) -> Vec<String> {
    let mut attributes = vec![String::new()];
    let mut escaped = false;
    for character in text.chars() {
        if character == ',' && !escaped {
            attributes.push(String::new());
        } else if let Some(attribute) = attributes.last_mut()
            && (character != ' ' || !attribute.is_empty())
        {
            attribute.push(character);
        }
        escaped = character == '\\' && !escaped;
    }
    attributes
}
