//! Samples of a page `/metrics`.

/// Returns the samples of a page `/metrics`: each name with its labels, and the value.
pub(super) fn samples(page: &str) -> impl Iterator<Item = (&str, f64)> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    // A label can have blanks, and a value cannot.
    let samples = lines.filter_map(|line| line.rsplit_once(' '));
    samples.filter_map(|(sample, value)| Some((sample, value.parse().ok()?)))
}
