//! What a request costs without NATS: open, identify, decide, seal, beside the cryptography that no login can do without.
//! `cargo xtask bench handle` builds what it needs.

mod requests;
mod service;
mod settings;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use mimalloc::MiMalloc;
use portcullis_bench::floor::{FLOOR, FLOOR_OF_TOKEN, with_aws_lc_rs, with_token};
use portcullis_bench::{Row, Spread, Work, in_turns, print, processor_time, table, write_json};

use crate::service::{Handled, Step};

/// As in the host.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Most that a request may cost, beside the cryptography of a login.
const HANDLE_BAR: f64 = 1.25;
/// How many policies a chain has in which the last one decides.
const CHAIN: usize = 5;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let json = match arguments.as_slice() {
        [] => None,
        [flag, file] if flag == "--json" => Some(PathBuf::from(file)),
        _ => bail!("usage: bench-handle [--json FILE]"),
    };
    let policies = std::env::var_os("PORTCULLIS_POLICIES")
        .context("PORTCULLIS_POLICIES is not set; run `cargo xtask bench handle`")?;
    let module = |name: &str| {
        let file = PathBuf::from(&policies).join(name);
        std::fs::read(&file).with_context(|| format!("`{}`", file.display()))
    };
    let users = module("static_users.wasm")?;
    let (alone, chain) = (Handled::users(&users, 1)?, Handled::users(&users, CHAIN)?);
    let roles = Handled::roles(&module("oidc_roles.wasm")?)?;

    let steps = [Step::Open, Step::Decide, Step::Seal];
    let mut works = vec![with_aws_lc_rs()?, alone.work()];
    works.extend(steps.map(|step| alone.step(step)));
    works.push(chain.work());
    works.extend([with_token()?, roles.work()]);
    works.extend(steps.map(|step| roles.step(step)));
    let spreads = in_turns(&mut works)?;
    let rows = works.iter().zip(spreads);
    let rows = rows.map(|(work, spread)| Row::time(work.name(), spread));
    let mut rows = compare(rows.collect())?;
    drop(works);
    for work in &mut [alone.work(), chain.work(), roles.work()] {
        rows.push(of_all_processors(work)?);
    }
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    print(&table(&Row::HEADERS, &cells))?;
    match json {
        Some(file) => write_json(&file, &rows),
        None => Ok(()),
    }
}

/// Tells every row beside the floor that comes before it, and holds the policy that is alone to the bar.
fn compare(rows: Vec<Row>) -> Result<Vec<Row>> {
    let mut floor = rows.first().cloned().context("no floor")?;
    let compared = rows.into_iter().enumerate().map(|(index, row)| {
        if [FLOOR, FLOOR_OF_TOKEN].contains(&row.name.as_str()) {
            floor = row.clone();
            return row;
        }
        row.beside(&floor, (index == 1).then_some(HANDLE_BAR))
    });
    Ok(compared.collect())
}

/// What all threads together need for one call.
fn of_all_processors(work: &mut Work<'_>) -> Result<Row> {
    /// How often that is measured, and over how many calls: the kernel counts in hundredths of a second.
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
