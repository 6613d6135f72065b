//! The host's rules for subjects. A template must obey them before a subject exists that the host
//! could check.

/// The maximum length of a subject, in bytes.
pub(crate) const MAX_SUBJECT: usize = 1024;

/// Returns the problem of a subject of a permission, in the host's words.
pub(crate) fn subject_problem(subject: &str, with_queue: bool) -> Option<&'static str> {
    if subject.len() > MAX_SUBJECT {
        return Some("it is longer than 1024 bytes");
    }
    match subject.split_once(' ') {
        None => pattern_problem(subject),
        Some(_) if !with_queue => Some("a queue group is only possible in subscribe permissions"),
        Some((pattern, queue)) => pattern_problem(pattern).or_else(|| pattern_problem(queue)),
    }
}

fn pattern_problem(pattern: &str) -> Option<&'static str> {
    if pattern.is_empty() {
        return Some("it is empty");
    }
    if pattern.chars().any(is_blank) {
        return Some("it contains white space or a control character");
    }
    if pattern.split('.').any(str::is_empty) {
        return Some("it has an empty token; remove the extra `.`");
    }
    let misplaced = pattern.split('.').rev().skip(1).any(|token| token == ">");
    misplaced.then_some("`>` stands before the last token")
}

/// Returns whether `text` is one token that matches only itself, also in a role's template.
pub(crate) fn is_literal_token(text: &str) -> bool {
    let special =
        |character| is_blank(character) || matches!(character, '.' | '*' | '>' | '{' | '}');
    !text.is_empty() && !text.starts_with('$') && !text.contains(special)
}

/// Returns whether neither subjects nor account names may contain `character`.
pub(crate) fn is_blank(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}
