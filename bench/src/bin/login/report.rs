//! The bars, and the comparisons that they apply to.

use anyhow::Result;
use portcullis_bench::{Comparison, Peer, Row};

use crate::clients::{RATE, Round, SHARE};

/// The number of concurrent clients for the bars.
const HELD: usize = 32;
/// The minimum ratio of logins a second to those of the reference.
const RATE_BAR: f64 = 1.15;
/// The maximum share of our host in the processor time, in percent.
const SHARE_BAR: f64 = 10.0;

/// Returns the rows with a bar.
pub(crate) fn bars(comparison: &Comparison<Round>) -> Result<Vec<Row>> {
    let rate = comparison.compared_with_reference(HELD, &RATE, true)?;
    let named = |whom| {
        let name = format!("{}, compared with its {whom}", rate.ours.name);
        rate.ours.named(name)
    };
    let share = comparison.row(Peer::Portcullis, HELD, &SHARE)?;
    Ok(vec![
        named("default").at_least(&rate.default, RATE_BAR),
        named("best setting").at_least(&rate.best, RATE_BAR),
        share.at_most(SHARE_BAR),
    ])
}
