//! Results: rows with bars, and tables.

use std::borrow::Cow;
use std::io::{Write, stdout};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::Spread;

/// One result, with the bar that it is held to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The name of the measurement.
    pub name: String,
    /// The median.
    pub value: f64,
    /// The 10th percentile of the batches.
    pub p10: f64,
    /// The 90th percentile of the batches.
    pub p90: f64,
    /// The unit of the three values.
    pub unit: Cow<'static, str>,
    /// The name of the row that this row is compared with.
    pub peer: Option<String>,
    /// The median divided by that of the peer.
    pub ratio: Option<f64>,
    /// The maximum of the ratio, or its minimum; without a peer, the maximum of the median.
    pub bar: Option<f64>,
    /// Whether the bar is a minimum rather than a maximum.
    #[serde(default)]
    pub at_least: bool,
    /// Whether the row is within the bar.
    pub pass: Option<bool>,
}

impl Row {
    /// Creates a row of a measurement in `unit`.
    pub fn new(name: impl Into<String>, spread: Spread, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value: spread.median,
            p10: spread.p10,
            p90: spread.p90,
            unit: Cow::Borrowed(unit),
            peer: None,
            ratio: None,
            bar: None,
            at_least: false,
            pass: None,
        }
    }

    /// Creates a row of a time in microseconds.
    pub fn time(name: impl Into<String>, spread: Spread) -> Self {
        Self::new(name, spread, "µs")
    }

    /// Returns the row under another name, for a further comparison.
    #[must_use]
    pub fn named(&self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self.clone()
        }
    }

    /// Returns the row with the number of wrong answers in its name. A single wrong answer fails
    /// every bar.
    #[must_use]
    pub fn with_wrong_answers(mut self, count: usize) -> Self {
        if count > 0 {
            self.name = format!("{} ({count} wrong answers)", self.name);
            self.pass = Some(false);
        }
        self
    }

    /// Returns the row with a bar that is a maximum of the median itself.
    #[must_use]
    pub fn at_most(mut self, bar: f64) -> Self {
        let failed = self.pass == Some(false);
        self.bar = Some(bar);
        self.pass = Some(self.value <= bar && !failed);
        self
    }

    /// Returns the row compared with another, with a bar that is a minimum of the ratio.
    #[must_use]
    pub fn at_least(self, peer: &Self, bar: f64) -> Self {
        let failed = self.pass == Some(false);
        let mut row = self.compared_with(peer, Some(bar));
        row.at_least = true;
        row.pass = row.ratio.map(|ratio| ratio >= bar && !failed);
        row
    }

    /// Returns the row compared with another, with an optional bar that is a maximum of the ratio.
    #[must_use]
    pub fn compared_with(mut self, peer: &Self, bar: Option<f64>) -> Self {
        let ratio = self.value / peer.value;
        self.peer = Some(peer.name.clone());
        self.ratio = Some(ratio);
        self.bar = bar;
        let failed = self.pass == Some(false);
        self.pass = bar.map(|bar| ratio <= bar && !failed);
        self
    }

    /// Returns the cells of the row in a table, under [`Row::HEADERS`].
    pub fn cells(&self) -> Vec<String> {
        let or_nothing = |value: Option<String>| value.unwrap_or_default();
        vec![
            self.name.clone(),
            format!("{:.2} ({:.2}–{:.2})", self.value, self.p10, self.p90),
            self.unit.clone().into_owned(),
            or_nothing(self.peer.clone()),
            or_nothing(self.ratio.map(|ratio| format!("{ratio:.3}"))),
            or_nothing(self.bar.map(|bar| {
                let sign = if self.at_least { '≥' } else { '≤' };
                format!("{sign} {bar}")
            })),
            or_nothing(
                self.pass
                    .map(|pass| if pass { "yes" } else { "no" }.to_owned()),
            ),
        ]
    }

    /// The columns of [`Row::cells`].
    pub const HEADERS: [&str; 7] = [
        "name",
        "median (p10–p90)",
        "unit",
        "compared with",
        "ratio",
        "bar",
        "pass",
    ];
}

/// One number that was measured once, with an optional maximum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The name of the measurement.
    pub name: String,
    /// The number.
    pub value: f64,
    /// The unit of the number.
    pub unit: &'static str,
    /// The maximum of the number.
    pub bar: Option<f64>,
    /// Whether the number is within the bar.
    pub pass: Option<bool>,
}

impl Figure {
    /// Creates a figure without a bar.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            bar: None,
            pass: None,
        }
    }

    /// Returns the figure with a bar.
    #[must_use]
    pub fn at_most(mut self, bar: f64) -> Self {
        self.bar = Some(bar);
        self.pass = Some(self.value <= bar);
        self
    }

    /// Returns the cells of the figure in a table, under [`Figure::HEADERS`].
    pub fn cells(&self) -> Vec<String> {
        let or_nothing = |value: Option<String>| value.unwrap_or_default();
        vec![
            self.name.clone(),
            in_short(self.value),
            self.unit.to_owned(),
            or_nothing(self.bar.map(|bar| format!("≤ {}", in_short(bar)))),
            or_nothing(
                self.pass
                    .map(|pass| if pass { "yes" } else { "no" }.to_owned()),
            ),
        ]
    }

    /// The columns of [`Figure::cells`].
    pub const HEADERS: [&str; 5] = ["name", "value", "unit", "bar", "pass"];
}

/// Formats a number with a readable number of digits.
fn in_short(value: f64) -> String {
    let digits = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size < 10.0 => 2,
        size if size < 1000.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// Returns a table in Markdown. The first column is text, the others are numbers.
pub fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let headers: Vec<_> = headers.iter().map(|header| (*header).to_owned()).collect();
    let rule: Vec<_> = (0..headers.len())
        .map(|column| if column == 0 { "---" } else { "---:" }.to_owned())
        .collect();
    let rows: String = rows.iter().map(|row| line(row)).collect();
    line(&headers) + &line(&rule) + &rows
}

/// Prints `text` and ends the line.
///
/// # Errors
///
/// Fails if standard output is closed.
pub fn print(text: &str) -> Result<()> {
    writeln!(stdout(), "{text}").context("cannot write to standard output")
}

/// Writes `rows` to a file, as `{ "rows": [ … ] }`.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub fn write_json(file: &Path, rows: &[impl Serialize]) -> Result<()> {
    let text = serde_json::to_string_pretty(&serde_json::json!({ "rows": rows }))?;
    std::fs::write(file, text + "\n").with_context(|| format!("`{}`", file.display()))
}

/// Prints `rows` as a table, and writes them to `json` too, if it is given.
///
/// # Errors
///
/// Fails if either cannot be written.
pub fn conclude(rows: &[Row], json: Option<&Path>) -> Result<()> {
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    print(&table(&Row::HEADERS, &cells))?;
    json.map_or(Ok(()), |file| write_json(file, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, median: f64) -> Row {
        let (p10, p90) = (median - 1.0, median + 1.0);
        Row::time(name, Spread { p10, median, p90 })
    }

    #[test]
    fn a_bar_is_for_the_ratio() {
        let floor = row("floor", 100.0);
        assert_eq!(
            row("a", 15.0).compared_with(&floor, Some(0.15)).pass,
            Some(true)
        );
        assert_eq!(
            row("a", 15.1).compared_with(&floor, Some(0.15)).pass,
            Some(false)
        );
        let compared = row("a", 15.0).compared_with(&floor, None);
        assert_eq!((compared.ratio, compared.pass), (Some(0.15), None));
    }

    #[test]
    fn a_bar_may_have_to_be_reached() {
        let peer = row("peer", 100.0);
        let reached = row("a", 400.0).at_least(&peer, 4.0);
        assert_eq!((reached.ratio, reached.pass), (Some(4.0), Some(true)));
        assert_eq!(row("a", 399.0).at_least(&peer, 4.0).pass, Some(false));
        assert_eq!(
            reached.cells().get(5).map(String::as_str),
            Some("≥ 4"),
            "{reached:?}"
        );
    }

    #[test]
    fn a_wrong_answer_misses_every_bar() {
        let good = row("a", 400.0).at_least(&row("peer", 1.0), 4.0);
        assert_eq!(good.clone().with_wrong_answers(0), good);
        let bad = good.with_wrong_answers(1);
        assert_eq!(
            (bad.name.as_str(), bad.pass),
            ("a (1 wrong answers)", Some(false))
        );
        let peer = row("peer", 1.0);
        assert_eq!(bad.clone().at_least(&peer, 4.0).pass, Some(false));
        assert_eq!(bad.compared_with(&peer, Some(1e3)).pass, Some(false));
    }

    #[test]
    fn a_figure_may_be_as_much_as_its_bar() {
        let failed = |value| Figure::new("failed", value, "logins").at_most(0.0);
        assert_eq!(failed(0.0).pass, Some(true));
        assert_eq!(failed(1.0).cells(), ["failed", "1", "logins", "≤ 0", "no"]);
        let free = Figure::new("p99", 12.345, "ms");
        assert_eq!(free.cells(), ["p99", "12.3", "ms", "", ""]);
    }

    #[test]
    fn a_table_has_a_line_for_every_row() {
        let rows = [row("a", 3.0)
            .compared_with(&row("b", 2.0), Some(1.4))
            .cells()];
        assert_eq!(
            table(&Row::HEADERS, &rows),
            "| name | median (p10–p90) | unit | compared with | ratio | bar | pass |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n\
             | a | 3.00 (2.00–4.00) | µs | b | 1.500 | ≤ 1.4 | no |\n"
        );
    }
}
