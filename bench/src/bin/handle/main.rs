//! Measures the cost of a request without NATS: open, identify, decide, seal. It is compared with
//! the cryptography that every login needs.
//!
//! `cargo xtask bench handle` builds what the program needs.

mod requests;
mod service;
mod settings;

use anyhow::{Context, Result};
use mimalloc::MiMalloc;
use portcullis_bench::floor::{with_aws_lc_rs, with_token};
use portcullis_bench::{Row, Spread, Work, conclude, in_turns, json_file};
use portcullis_test_support::{policy, processor_time};

use crate::service::{Handled, Step};

/// The allocator that the host uses.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The maximum ratio of a request to the cryptography of a login.
const HANDLE_BAR: f64 = 1.25;
/// The number of policies of a chain in which the last one decides.
const CHAIN: usize = 5;

fn main() -> Result<()> {
    let json = json_file()?;
    let users = policy("static-users")?;
    let (alone, chain) = (Handled::users(&users, 1)?, Handled::users(&users, CHAIN)?);
    let roles = Handled::roles(&policy("oidc-roles")?)?;

    let steps = [Step::Open, Step::Decide, Step::Seal];
    let mut users = vec![with_aws_lc_rs()?, alone.work()];
    users.extend(steps.map(|step| alone.step(step)));
    users.push(chain.work());
    let mut tokens = vec![with_token()?, roles.work()];
    tokens.extend(steps.map(|step| roles.step(step)));
    // The works are measured in two groups: a batch is a few requests, and the caches of a real
    // host hold only its own policies.
    let mut rows = compared_with_floor(&mut users, Some(HANDLE_BAR))?;
    rows.extend(compared_with_floor(&mut tokens, None)?);
    drop((users, tokens));
    for work in &mut [alone.work(), chain.work(), roles.work()] {
        rows.push(of_all_processors(work)?);
    }
    conclude(&rows, json.as_deref())
}

/// Measures works in turns and compares them with the first, which is the floor. The second is held
/// to the bar, if there is one.
fn compared_with_floor(works: &mut [Work<'_>], bar: Option<f64>) -> Result<Vec<Row>> {
    let spreads = in_turns(works)?;
    let rows = works.iter().zip(spreads);
    let mut rows = rows.map(|(work, spread)| Row::time(work.name(), spread));
    let floor = rows.next().context("no floor")?;
    let others: Vec<_> = rows
        .enumerate()
        .map(|(index, row)| row.compared_with(&floor, bar.filter(|_| index == 0)))
        .collect();
    Ok([vec![floor], others].concat())
}

/// Measures the processor time of all threads for one call.
fn of_all_processors(work: &mut Work<'_>) -> Result<Row> {
    /// The number of measurements, and of calls in each. The kernel counts in hundredths of a
    /// second.
    const ROUNDS: usize = 3;
    const CALLS: u32 = 5000;
    let used = || processor_time(std::process::id());
    let mut each = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let before = used()?;
        work.run(CALLS)?;
        let took = used()?.saturating_sub(before);
        each.push(took.as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    let spread = Spread::of(each).context("nothing was measured")?;
    let name = format!("{}, time of all processors", work.name());
    Ok(Row::time(name, spread))
}
