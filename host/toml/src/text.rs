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

/// Returns a text as a TOML string on one line. What [`one_line`] escapes is escaped here too, in
/// the form of TOML.
pub fn quoted(text: &str) -> String {
    if !text.contains(moves_text) {
        return toml::Value::from(text).to_string();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        // Writing to a string does not fail.
        let _ = match letter {
            '"' | '\\' => write!(quoted, "\\{letter}"),
            letter if moves_text(letter) => write!(quoted, "\\U{:08x}", u32::from(letter)),
            letter => write!(quoted, "{letter}"),
        };
    }
    quoted.push('"');
    quoted
}

fn escaped(text: &str, stands: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_unsafe = |letter: char| moves_text(letter) && !stands(letter);
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_unsafe(letter) {
            // JSON writes characters beyond the basic plane as two units too.
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

/// Returns whether a terminal does something other than show a character: control characters, marks
/// without width, line separators, direction marks and tags.
fn moves_text(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
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
            ("a\u{61c}b\u{ad}", "a\\u061cb\\u00ad"),
            ("a\u{e0041}b", "a\\udb40\\udc41b"),
            ("a\nb", "a\\u000ab"),
        ] {
            assert_eq!(one_line(text), line);
        }
        assert_eq!(lines("a\u{1b}\nb\n"), "a\\u001b\nb\n");
    }

    #[test]
    fn a_quoted_text_is_read_back_and_moves_nothing() {
        for text in [
            "plain",
            "it's",
            "a\"b\\c",
            "a\"\u{202e}\\",
            "a\nb\u{9b}2J\u{e0041}\0\u{7f}",
            "\"\"\"\n'''",
        ] {
            let quoted = quoted(text);
            assert_eq!(one_line(&quoted), quoted, "{text:?}");
            let table: toml::Table = format!("key = {quoted}").parse().unwrap();
            assert_eq!(table["key"].as_str(), Some(text), "{quoted}");
        }
    }

    #[test]
    fn what_is_escaped_in_json_is_still_json() {
        let text = serde_json::json!({ "name": "a\u{9b}b\u{202e}\u{e0041}" }).to_string();
        let read: serde_json::Value = serde_json::from_str(&lines(&text)).unwrap();
        assert_eq!(read["name"], "a\u{9b}b\u{202e}\u{e0041}");
    }
}
