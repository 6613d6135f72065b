//! Tables for people, and sizes in them.

use std::fmt::Write as _;

use bytesize::ByteSize;
use portcullis_toml::text::one_line;

/// The side of a column that its cells touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Returns rows below their headings, in columns that are as wide as their widest cell. Cells come
/// from servers and clients, so they are escaped.
pub(crate) fn render<const COLUMNS: usize>(
    columns: [(&str, Align); COLUMNS],
    rows: &[[String; COLUMNS]],
) -> String {
    let headings = columns.map(|(heading, _)| heading.to_owned());
    let rows: Vec<[String; COLUMNS]> = std::iter::once(&headings)
        .chain(rows)
        .map(|row| row.each_ref().map(|cell| one_line(cell).into_owned()))
        .collect();
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for ((cell, width), (_, align)) in row.iter().zip(widths).zip(columns) {
            // Writing to a string does not fail.
            let _ = match align {
                Align::Left => write!(line, "{cell:<width$}  "),
                Align::Right => write!(line, "{cell:>width$}  "),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Returns a size for people, such as `14.2 MiB`.
pub(super) fn size(bytes: i64) -> String {
    ByteSize(u64::try_from(bytes).unwrap_or_default()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let columns = [("SERVER", Align::Left), ("CID", Align::Right)];
        let rows = [
            ["a".to_owned(), "7".to_owned()],
            ["böse\u{1b}[2J".to_owned(), "12345".to_owned()],
        ];
        assert_eq!(
            render(columns, &rows),
            "SERVER           CID\n\
             a                  7\n\
             böse\\u001b[2J  12345\n"
        );
    }
}
