//! Lines of text that fit the screen.

use ratatui::text::Span;

/// Returns `lines` cut into pieces of at most `width` columns.
pub(super) fn wrapped(lines: &[String], width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    for line in lines {
        wrap(line, width.max(2), &mut pieces);
    }
    pieces
}

fn wrap<'a>(line: &'a str, width: usize, pieces: &mut Vec<&'a str>) {
    let (mut rest, mut columns, mut end) = (line, 0_usize, 0_usize);
    for (at, letter) in line.char_indices() {
        let begun = line.len().saturating_sub(rest.len());
        let mut buffer = [0; 4];
        let letter_columns = Span::raw(&*letter.encode_utf8(&mut buffer)).width();
        columns = columns.saturating_add(letter_columns);
        if columns > width {
            let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            pieces.push(piece);
            (rest, columns) = (after, letter_columns);
            end = letter.len_utf8();
        } else {
            end = at.saturating_sub(begun).saturating_add(letter.len_utf8());
        }
    }
    pieces.push(rest);
}

/// Returns the end of a text that fits `width` columns, for a line that is being typed.
pub(super) fn end_of(text: &str, width: usize) -> &str {
    let mut end = text;
    while Span::raw(end).width() > width {
        let mut letters = end.chars();
        letters.next();
        end = letters.as_str();
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_continue_on_the_next_one() {
        let lines = ["abcdef".to_owned(), String::new(), "日本語".to_owned()];
        assert_eq!(wrapped(&lines, 4), ["abcd", "ef", "", "日本", "語"]);
        assert_eq!(wrapped(&lines, 5), ["abcde", "f", "", "日本", "語"]);
        assert_eq!(wrapped(&lines, 6), ["abcdef", "", "日本語"]);
        assert_eq!(wrapped(&lines[..1], 0).concat(), "abcdef");
    }

    #[test]
    fn the_end_of_a_typed_line_is_visible() {
        assert_eq!(end_of("--user bob", 20), "--user bob");
        assert_eq!(end_of("--user 日本", 3), "本");
        assert_eq!(end_of("", 0), "");
    }
}
