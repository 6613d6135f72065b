//! What a verb comes to: something to print, or a reason why there is nothing.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::problem::Problem;

/// What a verb prints, and how the program ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Lines for standard output.
    pub text: String,
    /// How the program should end.
    pub code: ExitCode,
}

/// Why a verb did nothing.
#[derive(Debug)]
pub enum NotDone {
    /// The configuration says nothing usable about policies.
    Configuration(Vec<Problem>),
    /// Something else.
    Failed(Failure),
}

impl From<Failure> for NotDone {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A text that came from a file, for one line: control characters and those that change the direction of text are escaped, so that no
/// name in a file writes to the terminal.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Lines for the terminal, with what [`one_line`] escapes except line ends. An escape is one of JSON too.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter == '\n')
}

fn escaped(text: &str, stands: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_unsafe = |letter: char| moves_text(letter) && !stands(letter);
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_unsafe(letter) {
            // Every such character is in the basic plane. Writing to a text does not fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(letter));
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

/// Whether a terminal does something else with a character than to show it: control characters, marks without width, line separators and
/// what changes the direction of text.
fn moves_text(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

impl Output {
    pub(crate) const fn success(text: String) -> Self {
        Self {
            text,
            code: ExitCode::Success,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_writes_to_the_terminal() {
        for (text, line) in [
            ("plain – ü", "plain – ü"),
            ("a\u{1b}[31mred", "a\\u001b[31mred"),
            ("a\u{9b}2J", "a\\u009b2J"),
            ("a\rb\u{7f}\u{8}", "a\\u000db\\u007f\\u0008"),
            ("a\u{202e}b\u{2066}", "a\\u202eb\\u2066"),
            ("a\nb", "a\\u000ab"),
        ] {
            assert_eq!(one_line(text), line);
        }
        assert_eq!(lines("a\u{1b}\nb\n"), "a\\u001b\nb\n");
    }

    #[test]
    fn what_is_escaped_in_json_is_still_json() {
        let text = serde_json::json!({ "name": "a\u{9b}b\u{202e}" }).to_string();
        let read: serde_json::Value = serde_json::from_str(&lines(&text)).unwrap();
        assert_eq!(read["name"], "a\u{9b}b\u{202e}");
    }
}
