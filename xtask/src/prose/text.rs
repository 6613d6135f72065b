//! The prose of a file, without its code.

use std::path::Path;

/// The way in which a file marks its prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// Prose everywhere except in code blocks.
    Markdown,
    /// Prose in comments on lines of their own.
    Rust,
}

impl Language {
    /// Returns the language by the extension of `path`; `None` for files that are not checked.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "md" => Some(Self::Markdown),
            "rs" => Some(Self::Rust),
            _ => None,
        }
    }
}

/// One line of prose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The number of the line, counted from 1.
    pub(super) number: usize,
    /// The width of the whole line in characters, including indentation and marks.
    pub(super) width: usize,
    /// Whether the line can be wrapped: it is not a row of a table, and has no address.
    pub(super) wraps: bool,
    /// Whether the line is the first one of an item's documentation.
    pub(super) opens_item: bool,
    /// The words of the line, without code between backticks and without the targets of links.
    pub(super) words: String,
}

/// Returns the lines of prose in `text`.
pub(super) fn lines(language: Language, text: &str) -> impl Iterator<Item = Line> {
    let mut in_code = false;
    let mut in_item = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let (prose, is_item) = match language {
            Language::Markdown => (Some(line.trim()), false),
            Language::Rust => comment(line),
        };
        let opens_item = is_item && !in_item;
        in_item = is_item;
        let Some(prose) = prose else {
            in_code = false;
            return None;
        };
        if prose.starts_with("```") || prose.starts_with("~~~") {
            in_code = !in_code;
            return None;
        }
        (!in_code).then(|| Line {
            number: index + 1,
            width: line.chars().count(),
            wraps: !prose.starts_with('|') && !prose.contains("://"),
            opens_item,
            words: without_code(prose),
        })
    })
}

/// Returns the text of a comment on a line of its own, and whether it documents an item.
fn comment(line: &str) -> (Option<&str>, bool) {
    let line = line.trim_start();
    if let Some(text) = line.strip_prefix("///") {
        (Some(text.trim()), true)
    } else if let Some(text) = line.strip_prefix("//!").or_else(|| line.strip_prefix("//")) {
        (Some(text.trim()), false)
    } else {
        (None, false)
    }
}

/// Removes the text between backticks and the targets of links.
fn without_code(prose: &str) -> String {
    let mut words: String = prose
        .split('`')
        .enumerate()
        .filter(|(index, _)| index % 2 == 0)
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        // Keeps a mark between words that code separates, so that they do not form a phrase.
        .join("`");
    while let Some((before, rest)) = words.split_once("](") {
        let after = rest.split_once(')').map_or("", |(_, after)| after);
        words = format!("{before}]{after}");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prose(language: Language, text: &str) -> Vec<(usize, String)> {
        lines(language, text)
            .map(|line| (line.number, line.words))
            .collect()
    }

    #[test]
    fn code_of_a_document_is_no_prose() {
        let text = "One `two` three\n```sh\nfour\n```\n[five](six.md) seven";
        let expected = [
            (1, "One ` three".to_owned()),
            (5, "[five] seven".to_owned()),
        ];
        assert_eq!(prose(Language::Markdown, text), expected);
    }

    #[test]
    fn comments_alone_are_prose_in_rust() {
        let text = "/// One\n/// ```\n/// two\n/// ```\nlet three = 4; // five\n    // Six";
        let expected = [(1, "One".to_owned()), (6, "Six".to_owned())];
        assert_eq!(prose(Language::Rust, text), expected);
    }

    #[test]
    fn the_first_line_of_an_item_opens_it() {
        let text = "//! Zero\n/// One\n/// two\nfn three() {}\n/// Four\nfn five() {}";
        let opening: Vec<_> = lines(Language::Rust, text)
            .filter(|line| line.opens_item)
            .map(|line| line.number)
            .collect();
        assert_eq!(opening, [2, 5]);
    }

    #[test]
    fn tables_and_addresses_are_not_wrapped() {
        let text = "| a table |\nsee https://nats.io\nwords";
        let wraps: Vec<_> = lines(Language::Markdown, text)
            .map(|line| line.wraps)
            .collect();
        assert_eq!(wraps, [false, false, true]);
    }
}
