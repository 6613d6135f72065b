//! The bars, and what they are held against.

use anyhow::Result;
use portcullis_bench::Row;
use portcullis_tests::{Beside, Comparison, Flooded, Metric};

/// How many requests at once the bars are for.
const HELD: usize = 64;
/// The most processor time a decision may take, beside that of the reference.
const PROCESSOR_BAR: f64 = 0.4;
/// The least decisions a second, beside the reference as it is by default.
const RATE_BAR: f64 = 4.0;
/// The same beside its best setting.
const BEST_RATE_BAR: f64 = 2.25;
/// The most that the 99th percentile may be, beside the reference's best.
const P99_BAR: f64 = 0.5;

/// The rows that are held to something.
pub(crate) fn bars(comparison: &Comparison<Flooded>) -> Result<Vec<Row>> {
    let of = |metric: &Metric<Flooded>, most| comparison.beside_reference(HELD, metric, most);
    let (rate, processor) = (of(&Flooded::RATE, true)?, of(&Flooded::PROCESSOR, false)?);
    let p99 = of(&Flooded::P99, false)?;
    Ok(vec![
        named(&processor, "default").beside(&processor.default, Some(PROCESSOR_BAR)),
        named(&processor, "cheapest setting").beside(&processor.best, Some(PROCESSOR_BAR)),
        named(&rate, "default").at_least(&rate.default, RATE_BAR),
        named(&rate, "best setting").at_least(&rate.best, BEST_RATE_BAR),
        named(&p99, "best setting").beside(&p99.best, Some(P99_BAR)),
    ])
}

fn named(beside: &Beside, whom: &str) -> Row {
    let name = format!("{}, beside its {whom}", beside.ours.name);
    beside.ours.named(name)
}
