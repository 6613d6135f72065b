//! The picture of a terminal: the few control sequences that screens of this repository use.

use std::collections::BTreeMap;

/// The characters on a terminal.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    /// The characters by line and column.
    cells: BTreeMap<(usize, usize), char>,
    line: usize,
    column: usize,
    columns: usize,
    /// Whether the program shows no screen of its own.
    pub(super) is_main: bool,
    pub(super) has_cursor: bool,
    /// Bytes of a character or a control sequence whose end is not written yet.
    rest: Vec<u8>,
}

impl Picture {
    /// Returns an empty picture of this size, in columns and lines.
    pub(super) fn new((columns, _): (u16, u16)) -> Self {
        Self {
            columns: usize::from(columns),
            is_main: true,
            has_cursor: true,
            ..Self::default()
        }
    }

    /// Returns the lines from the first to the last with characters, without blanks at their ends.
    pub(super) fn text(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for ((line, column), letter) in &self.cells {
            lines.resize(lines.len().max(line + 1), String::new());
            if let Some(text) = lines.get_mut(*line) {
                let missing = column.saturating_sub(text.chars().count());
                text.extend(std::iter::repeat_n(' ', missing));
                text.push(*letter);
            }
        }
        let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// Applies what a program writes.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.rest);
        let complete = match std::str::from_utf8(&bytes) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => bytes.len(),
        };
        let (complete, rest) = bytes.split_at_checked(complete).unwrap_or((&bytes, &[]));
        let text = String::from_utf8_lossy(complete);
        let mut text = text.as_ref();
        while let Some(letter) = text.chars().next() {
            if letter != '\u{1b}' {
                self.put(letter);
                text = text.get(letter.len_utf8()..).unwrap_or_default();
                continue;
            }
            let Some(end) = end_of_sequence(text) else {
                break;
            };
            self.control(text.get(1..end).unwrap_or_default());
            text = text.get(end..).unwrap_or_default();
        }
        self.rest = text.as_bytes().to_vec();
        self.rest.extend_from_slice(rest);
    }

    fn put(&mut self, letter: char) {
        match letter {
            '\n' => self.line += 1,
            '\r' => self.column = 0,
            _ if letter.is_control() => {}
            _ => {
                if self.column >= self.columns {
                    (self.line, self.column) = (self.line + 1, 0);
                }
                self.cells.insert((self.line, self.column), letter);
                self.column += 1;
            }
        }
    }

    /// Applies a control sequence, such as `[2;1H`.
    fn control(&mut self, sequence: &str) {
        match sequence {
            "[?1049h" if self.is_main => {
                self.cells.clear();
                self.is_main = false;
            }
            // On the main screen, it does nothing.
            "[?1049l" if !self.is_main => {
                self.cells.clear();
                self.is_main = true;
            }
            "[?25h" => self.has_cursor = true,
            "[?25l" => self.has_cursor = false,
            "[2J" | "[J" => self.cells.clear(),
            _ => {
                if let Some(place) = sequence.strip_prefix('[')
                    && let Some(place) = place.strip_suffix('H')
                {
                    let mut numbers = place.split(';').map(|number| number.parse().unwrap_or(1));
                    let mut next = || numbers.next().unwrap_or(1_usize).saturating_sub(1);
                    (self.line, self.column) = (next(), next());
                }
            }
        }
    }
}

/// Returns the length of the control sequence at the beginning of `text`. `None` if its end is
/// missing.
fn end_of_sequence(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().skip(1);
    let (_, kind) = letters.next()?;
    if kind != '[' {
        return Some(1 + kind.len_utf8());
    }
    let (end, last) = letters.find(|(_, letter)| ('@'..='~').contains(letter))?;
    Some(end + last.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_what_a_program_wrote_last() {
        let mut picture = Picture::new((10, 5));
        picture.write("one\r\ntwo\u{1b}[1;5Hü\u{1b}[31m!\u{1b}[2;1HT".as_bytes());
        assert_eq!(picture.text(), "one ü!\nTwo");
        for part in [b"\x1b".as_slice(), b"[?10", b"49h\x1b[?25l\xc3", b"\xbc"] {
            picture.write(part);
        }
        assert_eq!(picture.text(), "\n ü");
        assert!(!picture.is_main && !picture.has_cursor);
        picture.write(b"\x1b[?1049l\x1b[?25hdone\x1b[?1049l");
        assert!(picture.is_main && picture.has_cursor);
        assert!(picture.text().ends_with("done"));
    }
}
