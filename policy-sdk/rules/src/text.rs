//! Texts from outside the host.

use crate::limits::MAX_TEXT;

/// Returns the first 64 characters of a text from outside the host, escaped, for an error.
pub fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// Returns whether an account can have this name: 1 to [`MAX_TEXT`] bytes without white space and
/// control characters.
pub fn is_account_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_TEXT && !name.chars().any(is_blank)
}

/// Returns whether neither subjects nor account names may contain `character`.
pub fn is_blank(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}
