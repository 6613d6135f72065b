//! The bars, and what they are held against.

use anyhow::Result;
use portcullis_bench::Row;
use portcullis_tests::{Comparison, Peer};

use crate::clients::{RATE, Round, SHARE};

/// How many clients at once the bars are for.
const HELD: usize = 32;
/// The least logins a second, beside the reference.
const RATE_BAR: f64 = 1.15;
/// The most of all processor time that our host may take, in percent.
const SHARE_BAR: f64 = 10.0;

/// The rows that are held to something.
pub(crate) fn bars(comparison: &Comparison<Round>) -> Result<Vec<Row>> {
    let rate = comparison.beside_reference(HELD, &RATE, true)?;
    let named = |whom| {
        let name = format!("{}, beside its {whom}", rate.ours.name);
        rate.ours.named(name)
    };
    let share = comparison.row(Peer::Portcullis, HELD, &SHARE)?;
    Ok(vec![
        named("default").at_least(&rate.default, RATE_BAR),
        named("best setting").at_least(&rate.best, RATE_BAR),
        share.at_most(SHARE_BAR),
    ])
}
