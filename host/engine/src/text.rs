//! Texts of policies and modules, cut and cleaned for logs and reasons.

/// Truncates `text` to about `limit` bytes, at a character boundary, and marks the cut.
pub(crate) fn truncate(text: &mut String, limit: usize) {
    if text.len() <= limit {
        return;
    }
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.truncate(end);
    text.push('…');
}

/// Joins the lines of a message from outside the host, and drops its control characters.
pub(crate) fn one_line(text: &str) -> String {
    let is_gap = |letter: char| letter.is_whitespace() || letter.is_control();
    let words = text.split(is_gap).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Joins the lines of a message about a module, and cuts it at 1 KiB: names in a module can be
/// megabytes long.
pub(crate) fn short_line(text: &str) -> String {
    const MAX_BYTES: usize = 1024;
    let mut line = one_line(text);
    truncate(&mut line, MAX_BYTES);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_from_outside_is_one_line_without_control_characters() {
        assert_eq!(one_line(" a\u{1b}[2Jb\n\tc\u{0}"), "a [2Jb c");
        assert_eq!(one_line("`a b`: c"), "`a b`: c");
        let long = short_line(&"é".repeat(100_000));
        assert!(
            long.len() <= 1027 && long.ends_with("éé…"),
            "{}",
            long.len()
        );
    }
}
