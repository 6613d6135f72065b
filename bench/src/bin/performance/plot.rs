//! The plot: a bar for each contender, with the spread of the rounds.

use std::fmt::Write;

use portcullis_bench::Row;

use crate::Measured;

/// The panels: a title, and the prefix of the names of its rows.
const PANELS: [(&str, &str); 7] = [
    (
        "decisions a second, 64 at once",
        "flood, 64 at once: decisions, ",
    ),
    (
        "processor time of a decision, µs, 64 at once",
        "flood, 64 at once: processor time of a decision, ",
    ),
    (
        "p99 of a decision, ms, 64 at once",
        "flood, 64 at once: p99, ",
    ),
    (
        "decisions a second, encrypted, 64 at once",
        "flood with xkey, 64 at once: decisions, ",
    ),
    (
        "processor time of a decision, µs, encrypted, 64 at once",
        "flood with xkey, 64 at once: processor time of a decision, ",
    ),
    ("logins a second, 32 at once", "login, 32 at once: logins, "),
    (
        "largest storm without a refusal, clients",
        "storm: largest without a refusal, ",
    ),
];
const OURS: &str = "portcullis";

const WIDTH: f64 = 770.0;
/// The left end of the bars, in pixels.
const LEFT: f64 = 240.0;
/// The length of the longest bar, in pixels.
const MAX_LENGTH: f64 = 420.0;
const LINE: f64 = 22.0;
const TITLE: f64 = 34.0;

/// Returns the plot as SVG.
pub(crate) fn plot(measured: &[Measured]) -> String {
    let rows: Vec<_> = measured
        .iter()
        .flat_map(|measured| &measured.rows)
        .collect();
    let (mut body, mut y) = (String::new(), 6.0);
    for (title, prefix) in PANELS {
        let of = |row: &&&Row| row.bar.is_none() && row.name.starts_with(prefix);
        let bars: Vec<_> = rows.iter().filter(of).copied().collect();
        if !bars.is_empty() {
            y = panel(&mut body, y, title, prefix, &bars);
        }
    }
    let height = y + 10.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

/// Draws a panel at `y`, and returns the position of the next one.
fn panel(body: &mut String, y: f64, title: &str, prefix: &str, bars: &[&Row]) -> f64 {
    let max = bars.iter().map(|row| row.p90.max(row.value));
    let max = max.fold(f64::MIN_POSITIVE, f64::max);
    let at = |value: f64| LEFT + MAX_LENGTH * value / max;
    text(
        body,
        10.0,
        y + 22.0,
        "start",
        &format!("<tspan font-weight=\"bold\">{title}</tspan>"),
    );
    let mut y = y + TITLE;
    for row in bars {
        let who = row.name.strip_prefix(prefix).unwrap_or(&row.name);
        let colour = if who.starts_with(OURS) {
            "#2563a8"
        } else {
            "#b8bec6"
        };
        text(body, LEFT - 8.0, y + 14.0, "end", who);
        let (middle, end) = (y + LINE / 2.0 - 1.0, at(row.value));
        // Writing to a `String` does not fail.
        let _ = writeln!(
            body,
            "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\n\
             <line x1=\"{:.1}\" y1=\"{middle:.1}\" x2=\"{:.1}\" y2=\"{middle:.1}\" stroke=\"#333\"/>",
            y + 2.0,
            end - LEFT,
            LINE - 6.0,
            at(row.p10),
            at(row.p90),
        );
        let number = format!("{:.0}", row.value);
        text(
            body,
            at(row.p90.max(row.value)) + 6.0,
            y + 14.0,
            "start",
            &number,
        );
        y += LINE;
    }
    y
}

fn text(body: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    // Writing to a `String` does not fail.
    let _ = writeln!(
        body,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222\">{text}</text>"
    );
}
