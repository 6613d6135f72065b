//! A limit on the depth of EDN, checked before a recursive parser reads it.

/// Maximum number of brackets, tags and discards around a value.
const MAX_DEPTH: usize = 128;

/// Returns the line, counted from 1, where `text` is nested too deeply to be parsed on this stack.
/// `None` if it is not.
///
/// The depth is at least that of the parser's recursion. A tag or a discard counts until the
/// bracket around it closes, although it ends with the next value.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let mut line = 1;
    let mut depth: usize = 0;
    let mut outer = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(found) = rest.next() {
        match found {
            '\n' => line += 1,
            ';' => line += skip_comment(&mut rest),
            '"' => line += skip_string(&mut rest),
            '\\' => {
                // The parser reads `\;` as the start of a comment, and the text after it as the
                // character.
                if rest.next_if_eq(&';').is_some() {
                    line += skip_comment(&mut rest);
                }
                line += usize::from(rest.next() == Some('\n'));
            }
            '(' | '[' | '{' => {
                outer.push(depth);
                depth += 1;
            }
            ')' | ']' | '}' => depth = outer.pop().unwrap_or(0),
            // `#{` is a set, which its bracket counts.
            '#' if rest.peek() != Some(&'{') => depth += 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some(line);
        }
    }
    None
}

/// Skips to the end of the line. Returns the number of skipped line ends.
fn skip_comment(rest: &mut impl Iterator<Item = char>) -> usize {
    usize::from(rest.any(|found| found == '\n'))
}

/// Skips to the end of a string. Returns the number of skipped line ends.
fn skip_string(rest: &mut impl Iterator<Item = char>) -> usize {
    let mut lines = 0;
    while let Some(found) = rest.next() {
        match found {
            '"' => break,
            '\n' => lines += 1,
            '\\' => lines += usize::from(rest.next() == Some('\n')),
            _ => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::brackets("[")]
    #[case::maps("{:a ")]
    #[case::lists("(")]
    #[case::sets("#{")]
    #[case::tags("#t ")]
    #[case::discards("#_ ")]
    #[case::pairs_of_discards("#_ #_ a ")]
    #[case::bare_dispatches("#")]
    #[case::namespaced_maps("#:a{:b ")]
    #[case::closed_in_a_comment("[ ;]\n")]
    #[case::closed_in_a_string("[ \"]\" ")]
    #[case::closed_after_an_escaped_quote("[ \"\\\"]\" ")]
    #[case::closed_by_a_character("[ \\] ")]
    #[case::closed_in_a_comment_after_a_backslash("[ \\; ]\n] ")]
    fn what_nests_without_end_is_found(#[case] level: &str) {
        let text = level.repeat(200_000);
        assert!(too_deep(&text).is_some());
        let shallow = level.repeat(10);
        assert_eq!(too_deep(&shallow), None);
    }

    #[test]
    fn the_line_is_told_and_what_lies_side_by_side_is_not_deep() {
        let deep = format!("; one\n\"two\n\" {}", "[".repeat(200));
        assert_eq!(too_deep(&deep), Some(3));
        let wide = "{:a #{1} :b [[]] :c #inst \"2026-01-01T00:00:00Z\"}\n".repeat(10_000);
        assert_eq!(too_deep(&wide), None);
    }
}
