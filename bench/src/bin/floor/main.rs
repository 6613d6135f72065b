//! Measures the cost of a login's cryptography with different libraries: signatures of servers and
//! services, those of identity providers, and boxes.
//!
//! `cargo xtask bench floor` builds the program.

mod boxes;
mod signatures;

use anyhow::Result;
use portcullis_bench::{Row, conclude, floor, in_turns, json_file};

fn main() -> Result<()> {
    let json = json_file()?;
    // The host's own works come first; the others are compared with them.
    let mut groups = vec![vec![floor::with_aws_lc_rs()?]];
    groups.extend(signatures::works()?);
    groups.push(vec![floor::of_token()?]);
    groups.push(vec![floor::with_token()?]);
    groups.extend(boxes::works()?);
    let sizes: Vec<_> = groups.iter().map(Vec::len).collect();
    let mut works: Vec<_> = groups.into_iter().flatten().collect();
    let spreads = in_turns(&mut works)?;
    let rows = works.iter().zip(spreads);
    let mut rows = rows.map(|(work, spread)| Row::time(work.name(), spread));
    let mut compared = Vec::with_capacity(works.len());
    for size in sizes {
        let group: Vec<_> = rows.by_ref().take(size).collect();
        if let [first, others @ ..] = group.as_slice() {
            compared.push(first.clone());
            compared.extend(
                others
                    .iter()
                    .map(|row| row.clone().compared_with(first, None)),
            );
        }
    }
    conclude(&compared, json.as_deref())
}
