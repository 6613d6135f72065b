//! Measures the cost of a decision, compared with the cryptography of a login, with an
//! instantiation, and with other engines.
//!
//! `cargo xtask bench engine` builds what the program needs.

mod decisions;
mod look_ups;

use std::process::Command;

use anyhow::{Context, Result};
use mimalloc::MiMalloc;
use portcullis_bench::{Row, Work, conclude, elsewhere, floor, in_turns, json_file, texts};

use crate::decisions::Loaded;
use crate::look_ups::LookUps;

/// The allocator that the host uses.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The maximum ratio of an instantiation from a configured policy's memory to one from the memory
/// that the compiler laid out.
const CONFIGURED_BAR: f64 = 1.4;
/// The maximum ratio of a decision to the cryptography of a login.
const DECISION_BAR: f64 = 0.15;
/// The maximum ratio of an isolated decision of an interpreter to the same one in native code.
const INTERPRETER_BAR: f64 = 3.0;

fn main() -> Result<()> {
    let json = json_file()?;
    let loaded = Loaded::new()?;
    let look_ups = LookUps::new()?;
    let mut works = vec![floor::with_aws_lc_rs()?];
    works.extend(loaded.works()?);
    works.extend(look_ups.works()?);
    let own = works.len();
    // The variable is unset if the program runs without its peers.
    if let Some(peers) = std::env::var_os("PORTCULLIS_BENCH_PEERS") {
        works.extend(elsewhere::works_of(&mut Command::new(peers))?);
    }
    let rows = measure(&mut works)?;
    let rows = compare(&rows, own)?;
    conclude(&rows, json.as_deref())
}

fn measure(works: &mut [Work<'_>]) -> Result<Vec<Row>> {
    let spreads = in_turns(works)?;
    let rows = works.iter().zip(spreads);
    Ok(rows
        .map(|(work, spread)| Row::time(work.name(), spread))
        .collect())
}

/// Sets the peer and the bar of each row. The first `own` rows are ours, the others are our peers'.
fn compare(rows: &[Row], own: usize) -> Result<Vec<Row>> {
    let find = |name: &str| {
        let row = rows.iter().find(|row| row.name == name).cloned();
        row.with_context(|| format!("no row `{name}`"))
    };
    let floor = find(floor::FLOOR)?;
    let unconfigured = find(decisions::UNCONFIGURED)?;
    let (users, roles) = (find(decisions::USERS)?, find(decisions::ROLES)?);
    let one_key = find(look_ups::ONE)?;
    let (cedar, rego) = (find(decisions::CEDAR)?, find(decisions::REGO)?);
    // Without the peers, no row has the interpreters in native code.
    let compared_with_native = |row: Row, native: &str| match find(native) {
        Ok(native) => row.compared_with(&native, Some(INTERPRETER_BAR)),
        Err(_) => row,
    };
    let compared = rows.iter().cloned().enumerate().map(|(index, row)| {
        match row.name.as_str() {
            decisions::CONFIGURED => row.compared_with(&unconfigured, Some(CONFIGURED_BAR)),
            decisions::USERS => row.compared_with(&floor, Some(DECISION_BAR)),
            decisions::ROLES => row.compared_with(&floor, None),
            decisions::USERS_REUSED => row.compared_with(&users, None),
            decisions::ROLES_REUSED => row.compared_with(&roles, None),
            decisions::CEDAR => compared_with_native(row, texts::NATIVE_CEDAR),
            decisions::REGO => compared_with_native(row, texts::NATIVE_REGO),
            decisions::CEDAR_REUSED => row.compared_with(&cedar, None),
            decisions::REGO_REUSED => row.compared_with(&rego, None),
            texts::NATIVE_CEDAR | texts::NATIVE_REGO => row,
            look_ups::MANY => row.compared_with(&one_key, None),
            // Signatures of other libraries are compared with ours, and decisions of other engines
            // with ours about roles.
            name if index >= own && name.starts_with(floor::PREFIX) => {
                row.compared_with(&floor, None)
            }
            _ if index >= own => row.compared_with(&roles, None),
            _ => row,
        }
    });
    Ok(compared.collect())
}
