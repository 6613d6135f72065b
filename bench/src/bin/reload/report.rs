//! The measurements, as tables and rows.

use std::time::Duration;

use anyhow::{Context, Result};
use portcullis_bench::{Row, Spread, print, table};

use crate::logins::Logins;
use crate::versions::{LATE, Replacements};

/// The time that the host waits for files to be quiet: its default.
pub(crate) const DEBOUNCE: Duration = Duration::from_millis(250);
/// The maximum ratio of the 99th percentile of logins with reloads to that without.
const P99_BAR: f64 = 1.5;

/// All measurements.
pub(crate) struct Measured {
    pub(crate) module_size: usize,
    /// The maximum rate of logins, per second.
    pub(crate) most_a_second: f64,
    /// The logins at half of the maximum rate, by round.
    pub(crate) alone: Vec<Logins>,
    /// The logins with a replacement every second, of code that the host has not compiled before.
    pub(crate) with_reloads: Vec<Logins>,
    /// The replacements during `with_reloads`.
    pub(crate) under_load: Replacements,
    /// The logins with a replacement every second, of code that the host has compiled before.
    pub(crate) with_known_code: Vec<Logins>,
    /// The replacements during `with_known_code`.
    pub(crate) of_known_code: Replacements,
    /// The replacements without logins.
    pub(crate) without_load: Replacements,
}

impl Measured {
    /// Prints the measurements for readers.
    pub(crate) fn print(&self) -> Result<()> {
        let (most, module) = (self.most_a_second, self.module_size);
        print(&format!(
            "{most:.0} logins/s at most; load: {:.0} logins/s; module: {module} bytes\n",
            most / 2.0
        ))?;
        let headers = ["load", "logins", "failed", "p50 ms", "p99 ms", "longest ms"];
        let rows = [
            logins_row("alone", &together(&self.alone))?,
            logins_row("new code every second", &together(&self.with_reloads))?,
            logins_row("known code every second", &together(&self.with_known_code))?,
        ];
        print(&table(&headers, &rows))?;
        let headers = [
            "replacements",
            "number",
            "took effect",
            "live p50 ms",
            "live p95 ms",
            "loading p50 ms",
            "loading p95 ms",
        ];
        let rows = [
            replacements_row("without load", &self.without_load)?,
            replacements_row("under load, new code every second", &self.under_load)?,
            replacements_row("under load, known code every second", &self.of_known_code)?,
        ];
        print(&table(&headers, &rows))?;
        let rows: Vec<_> = self.rows()?.iter().map(Row::cells).collect();
        print(&table(&Row::HEADERS, &rows))
    }

    /// Returns the main numbers, with their bars. Those of logins are per round, with the spread of
    /// the rounds.
    pub(crate) fn rows(&self) -> Result<Vec<Row>> {
        let (alone, reloads) = (&self.alone, &self.with_reloads);
        let row = |name: &str, values: Vec<f64>, unit| {
            let spread = Spread::of(values).context("nothing was measured")?;
            Ok::<_, anyhow::Error>(Row::new(format!("reload: {name}"), spread, unit))
        };
        let once = |name: &str, value, unit| row(name, vec![value], unit);
        let p99 = row("login p99, alone", percentiles(alone, 99)?, "ms")?;
        let p99_of_reloads = row("login p99, with reloads", percentiles(reloads, 99)?, "ms")?;
        let known = &self.with_known_code;
        let p99_of_known = row("login p99, with known code", percentiles(known, 99)?, "ms")?;
        let idle = &self.without_load;
        let (loading, live) = (&idle.loading, &idle.live_after);
        let bound = in_ms(DEBOUNCE) + 2.0 * percentile(loading, 50)?;
        let under_load = &self.under_load;
        let in_time = under_load.live_after.iter().filter(|time| **time < LATE);
        Ok(vec![
            once("most logins a second", self.most_a_second, "1/s")?,
            row("logins in a round, alone", counts(alone)?, "")?,
            once("failed logins, alone", failed(alone), "")?.at_most(0.0),
            row("logins in a round, with reloads", counts(reloads)?, "")?,
            once("failed logins, with reloads", failed(reloads), "")?.at_most(0.0),
            row("login p50, alone", percentiles(alone, 50)?, "ms")?,
            row("login p50, with reloads", percentiles(reloads, 50)?, "ms")?,
            p99_of_reloads.compared_with(&p99, Some(P99_BAR)),
            once("failed logins, with known code", failed(known), "")?.at_most(0.0),
            p99_of_known.compared_with(&p99, Some(P99_BAR)),
            p99,
            once("replacements under load", under_load.count.into(), "")?,
            once("versions put in service under load", count(under_load.published)?, "")?,
            once("of these within a second", count(in_time.count())?, "")?,
            row("loading, without load", in_order(loading), "ms")?,
            row("loading known code, under load", in_order(&self.of_known_code.loading), "ms")?,
            row("live after a replacement, without load", in_order(live), "ms")?,
            once(
                "live after a replacement, without load, p95 (bar: debounce and twice the median of loading)",
                percentile(live, 95)?,
                "ms",
            )?
            .at_most(bound),
        ])
    }
}

/// Combines the logins of some rounds.
fn together(rounds: &[Logins]) -> Logins {
    let mut all = Logins::default();
    for round in rounds {
        all.took.extend(&round.took);
        all.failed += round.failed;
    }
    all
}

/// Returns the latency that `percent` of the logins of each round do not exceed, in milliseconds.
fn percentiles(rounds: &[Logins], percent: usize) -> Result<Vec<f64>> {
    let each = rounds.iter().map(|round| percentile(&round.took, percent));
    each.collect()
}

fn counts(rounds: &[Logins]) -> Result<Vec<f64>> {
    rounds.iter().map(|round| count(round.count())).collect()
}

fn failed(rounds: &[Logins]) -> f64 {
    rounds.iter().map(|round| f64::from(round.failed)).sum()
}

fn in_order(times: &[Duration]) -> Vec<f64> {
    times.iter().copied().map(in_ms).collect()
}

fn logins_row(name: &str, logins: &Logins) -> Result<Vec<String>> {
    let mut row = vec![
        name.to_owned(),
        logins.count().to_string(),
        logins.failed.to_string(),
    ];
    for percent in [50, 99, 100] {
        row.push(format!("{:.1}", percentile(&logins.took, percent)?));
    }
    Ok(row)
}

fn replacements_row(name: &str, replacements: &Replacements) -> Result<Vec<String>> {
    let mut row = vec![
        name.to_owned(),
        replacements.count.to_string(),
        replacements.published.to_string(),
    ];
    for times in [&replacements.live_after, &replacements.loading] {
        for percent in [50, 95] {
            let time = percentile(times, percent)?;
            let late = time >= in_ms(LATE);
            row.push(if late {
                "late".to_owned()
            } else {
                format!("{time:.0}")
            });
        }
    }
    Ok(row)
}

/// Returns the time that `percent` of `times` do not exceed, in milliseconds.
fn percentile(times: &[Duration], percent: usize) -> Result<f64> {
    let mut times = times.to_vec();
    times.sort();
    let rank = (times.len() * percent).div_ceil(100);
    let time = times.get(rank.saturating_sub(1));
    time.copied().map(in_ms).context("nothing was measured")
}

fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn count(number: usize) -> Result<f64> {
    Ok(f64::from(u32::try_from(number)?))
}
