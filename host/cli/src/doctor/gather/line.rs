//! Positions in a file.

/// Returns the line of a position, counted from 1.
pub(super) fn line_at(text: &str, position: usize) -> usize {
    let before = text.get(..position).unwrap_or(text);
    before.matches('\n').count().saturating_add(1)
}
