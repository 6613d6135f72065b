//! The comparison of an output with the one that a page shows.
//!
//! `…` on a line of its own stands for any number of lines, also for none. In a line, it stands for
//! any text. White space at the end of lines does not count.

/// The wildcard.
const ANY: &str = "…";

/// Returns the number of lines that are what the page shows; `None` if they are not. With `begins`,
/// more lines may follow.
pub(super) fn matched<'a>(
    shown: &[String],
    output: impl Iterator<Item = &'a str>,
    begins: bool,
) -> Option<usize> {
    let shown: Vec<_> = shown.iter().map(|line| line.trim_end()).collect();
    let output: Vec<_> = output.map(str::trim_end).collect();
    lines_match(&shown, &output, begins)
}

fn lines_match(shown: &[&str], output: &[&str], begins: bool) -> Option<usize> {
    match (shown, output) {
        ([], rest) => (begins || rest.is_empty()).then_some(0),
        ([ANY, later @ ..], _) => (0..=output.len()).find_map(|skipped| {
            let rest = output.get(skipped..)?;
            Some(skipped + lines_match(later, rest, begins)?)
        }),
        (_, []) => None,
        ([shown, later @ ..], [line, rest @ ..]) => {
            let matched = line_matches(shown, line).then(|| lines_match(later, rest, begins));
            Some(1 + matched??)
        }
    }
}

fn line_matches(shown: &str, line: &str) -> bool {
    let Some((start, rest)) = shown.split_once(ANY) else {
        return shown == line;
    };
    let Some(mut line) = line.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<_> = rest.split(ANY).collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, rest)) = line.split_once(part) else {
            return false;
        };
        line = rest;
    }
    line.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(shown: &str, output: &str) -> bool {
        let shown: Vec<_> = shown.lines().map(str::to_owned).collect();
        matched(&shown, output.lines(), false).is_some()
    }

    #[test]
    fn an_output_without_wildcards_is_compared_whole() {
        assert!(is("a\nb", "a\nb  \n"));
        assert!(!is("a\nb", "a\n"));
        assert!(!is("a", "a\nb\n"));
        assert!(!is("a", "ab\n"));
    }

    #[test]
    fn a_wildcard_line_stands_for_any_lines() {
        assert!(is("a\n…\nz", "a\nb\nc\nz\n") && is("a\n…\nz", "a\nz\n") && is("…\nz", "z\n"));
        assert!(!is("a\n…\nz", "a\nb\n"));
        assert!(is("…", ""));
    }

    #[test]
    fn a_wildcard_in_a_line_stands_for_any_text() {
        assert!(is("took … s, …", "took 1.5 s, ok") && is("a … b … c", "a 1 b 2 c"));
        assert!(!is("took … s", "took 1.5 m") && !is("a … b … c", "a 1 c"));
        assert!(!is("x… y", "x y z"));
    }

    #[test]
    fn a_program_in_the_background_may_say_more() {
        let shown = ["…".to_owned(), "ready …".to_owned()];
        let seen = |output: &str| matched(&shown, output.lines(), true);
        assert_eq!(seen("start\nready now\nmore\n"), Some(2));
        assert_eq!(seen("start\n"), None);
        assert!(matched(&shown, "start\nready now\nmore\n".lines(), false).is_none());
    }
}
