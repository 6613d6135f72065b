//! The bars, and the comparisons that they apply to.

use anyhow::Result;
use portcullis_bench::{ComparedRows, Comparison, Flooded, Metric, Peer, Row};

/// The number of pending requests for the bars.
const HELD: usize = 64;
/// The maximum ratio of a decision's processor time to that of the reference.
const PROCESSOR_BAR: f64 = 0.4;
/// The minimum ratio of decisions a second to those of the reference with its default settings.
const RATE_BAR: f64 = 4.0;
/// The minimum ratio of decisions a second to those of the reference with its best settings.
const BEST_RATE_BAR: f64 = 2.25;
/// The maximum ratio of the 99th percentile to that of the reference with its best settings.
const P99_BAR: f64 = 0.5;

/// The minimum ratio of decisions a second with every record to those without.
const RECORDS_BAR: f64 = 0.95;

/// Returns the rows with a bar.
pub(crate) fn bars(comparison: &Comparison<Flooded>) -> Result<Vec<Row>> {
    let of =
        |metric: &Metric<Flooded>, most| comparison.compared_with_reference(HELD, metric, most);
    let (rate, processor) = (of(&Flooded::RATE, true)?, of(&Flooded::PROCESSOR, false)?);
    let p99 = of(&Flooded::P99, false)?;
    let recording = comparison.row(Peer::Recording, HELD, &Flooded::RATE)?;
    Ok(vec![
        named(&processor, "default").compared_with(&processor.default, Some(PROCESSOR_BAR)),
        named(&processor, "cheapest setting").compared_with(&processor.best, Some(PROCESSOR_BAR)),
        named(&rate, "default").at_least(&rate.default, RATE_BAR),
        named(&rate, "best setting").at_least(&rate.best, BEST_RATE_BAR),
        recording.at_least(&rate.ours, RECORDS_BAR),
        named(&p99, "best setting").compared_with(&p99.best, Some(P99_BAR)),
    ])
}

fn named(rows: &ComparedRows, whom: &str) -> Row {
    let name = format!("{}, compared with its {whom}", rows.ours.name);
    rows.ours.named(name)
}
