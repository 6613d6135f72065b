//! Text from outside the host, escaped for terminals and logs.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns a text from a file for use on one line. Control characters and those that change the
/// direction of text are escaped, so that no name in a file can control the terminal.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Returns lines for the terminal, escaped as by [`one_line`] except for line ends. The escapes are
/// valid in JSON too.
pub fn lines(text: &str) -> Cow<'_, str> {
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
            // Every such character is in the basic plane. Writing to a string does not fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(letter));
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

/// Returns whether a terminal does something other than show a character: control characters, marks
/// without width, line separators and direction marks.
fn moves_text(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
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
