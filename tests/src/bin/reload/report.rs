//! What was measured, and how it is told.

use std::time::Duration;

use anyhow::{Context, Result};
use portcullis_bench::{Figure, print, table};

use crate::load::Logins;
use crate::versions::{LATE, Replacements};

/// How long the host waits for files to be quiet: its default.
pub(crate) const DEBOUNCE: Duration = Duration::from_millis(250);
/// Most that the 99th percentile of logins may grow by reloads.
const P99_BAR: f64 = 1.5;

/// Everything that was measured.
pub(crate) struct Measured {
    pub(crate) module_size: usize,
    /// Logins a second at most.
    pub(crate) most_a_second: f64,
    /// Logins at half of that.
    pub(crate) alone: Logins,
    /// The same with a replacement every second.
    pub(crate) with_reloads: Logins,
    /// The replacements then.
    pub(crate) under_load: Replacements,
    /// Replacements while nobody logs in.
    pub(crate) without_load: Replacements,
}

impl Measured {
    /// Prints it for people.
    pub(crate) fn print(&self) -> Result<()> {
        let (most, module) = (self.most_a_second, self.module_size);
        print(&format!(
            "{most:.0} logins/s at most; load: {:.0} logins/s; module: {module} bytes\n",
            most / 2.0
        ))?;
        let headers = ["load", "logins", "failed", "p50 ms", "p99 ms", "longest ms"];
        let rows = [
            logins_row("alone", &self.alone)?,
            logins_row("with a replacement every second", &self.with_reloads)?,
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
            replacements_row("under load, one a second", &self.under_load)?,
        ];
        print(&table(&headers, &rows))?;
        let figures: Vec<_> = self.figures()?.iter().map(Figure::cells).collect();
        print(&table(&Figure::HEADERS, &figures))
    }

    /// The numbers that matter, with their bars.
    pub(crate) fn figures(&self) -> Result<Vec<Figure>> {
        let (alone, reloads) = (&self.alone, &self.with_reloads);
        let (p99_alone, p99) = (percentile(&alone.took, 99)?, percentile(&reloads.took, 99)?);
        let idle = &self.without_load;
        let loading = percentile(&idle.loading, 50)?;
        let (debounce, live) = (in_ms(DEBOUNCE), percentile(&idle.live_after, 95)?);
        let under_load = &self.under_load;
        let in_time = under_load.live_after.iter().filter(|time| **time < LATE);
        Ok(vec![
            Figure::new("most logins a second", self.most_a_second, "1/s"),
            Figure::new("logins, alone", count(alone.count())?, ""),
            Figure::new("failed logins, alone", f64::from(alone.failed), "").at_most(0.0),
            Figure::new("logins, with reloads", count(reloads.count())?, ""),
            Figure::new("failed logins, with reloads", f64::from(reloads.failed), "").at_most(0.0),
            Figure::new("login p50, alone", percentile(&alone.took, 50)?, "ms"),
            Figure::new(
                "login p50, with reloads",
                percentile(&reloads.took, 50)?,
                "ms",
            ),
            Figure::new("login p99, alone", p99_alone, "ms"),
            Figure::new("login p99, with reloads", p99, "ms"),
            Figure::new("ratio of the p99", p99 / p99_alone, "").at_most(P99_BAR),
            Figure::new(
                "replacements under load",
                f64::from(self.under_load.count),
                "",
            ),
            Figure::new(
                "versions put in service under load",
                count(under_load.published)?,
                "",
            ),
            Figure::new("of these within a second", count(in_time.count())?, ""),
            Figure::new("loading p50, without load", loading, "ms"),
            Figure::new(
                "live p50, without load",
                percentile(&idle.live_after, 50)?,
                "ms",
            ),
            Figure::new("live p95, without load", live, "ms").at_most(debounce + 2.0 * loading),
        ])
    }
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

/// What `percent` of `times` do not exceed, in milliseconds.
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
