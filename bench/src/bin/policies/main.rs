//! Measures the cost of many policies: memory, time to load them, and time of a decision by one of
//! them. A directory has 1, 100 or 500 policies.
//!
//! `cargo xtask bench policies` builds what the program needs.

mod compilation;
mod directory;
mod served;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mimalloc::MiMalloc;
use portcullis_bench::{Figure, Row, Work, in_turns, json_file, print, table, write_json};
use portcullis_test_support::policy;

use crate::compilation::Loading;
use crate::served::Loaded;

/// The allocator that the host uses.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The numbers of policies.
const SIZES: [usize; 3] = [1, 100, 500];
/// The maximum ratio of a decision to that with one policy.
const FLAT: f64 = 1.2;

fn main() -> Result<()> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        // This program starts itself for every size.
        [flag, directory, policies] if flag == served::FLAG => {
            let policies = policies.to_string_lossy().parse()?;
            served::serve(Path::new(directory), policies)
        }
        _ => measure(json_file()?),
    }
}

fn measure(json: Option<PathBuf>) -> Result<()> {
    let module = policy("static-users")?;
    let loading = compilation::of_loading(&module)?;
    // Each size has a process. Idle processes wait, and the works of all are measured in turns.
    let folder = tempfile::tempdir()?;
    let (mut loaded, mut works) = (Vec::new(), Vec::new());
    for size in SIZES {
        let directory = folder.path().join(size.to_string());
        std::fs::create_dir(&directory)?;
        directory::fill(&directory, &module, size)?;
        let (size, decisions) = served::start(&directory, size)?;
        loaded.push(size);
        works.push(decisions);
    }
    let figures = figures(&loaded, loading)?;
    let rows = decisions(&loaded, works)?;
    show(&loaded, &figures, &rows)?;
    let Some(file) = json else { return Ok(()) };
    let mut all = Vec::new();
    for figure in &figures {
        all.push(serde_json::to_value(figure)?);
    }
    for row in &rows {
        all.push(serde_json::to_value(row)?);
    }
    write_json(&file, &all)
}

/// Measures the decisions of all sizes in turns, each compared with that of the first size.
fn decisions(loaded: &[Loaded], works: Vec<Vec<Work<'static>>>) -> Result<Vec<Row>> {
    let of_each_size: Vec<usize> = works.iter().map(Vec::len).collect();
    let mut works: Vec<_> = works.into_iter().flatten().collect();
    let mut spreads = in_turns(&mut works)?.into_iter();
    let mut works = works.iter();
    let mut rows: Vec<Row> = Vec::new();
    let peers = of_each_size.first().copied().unwrap_or_default();
    for (size, works_of_size) in loaded.iter().zip(of_each_size) {
        for index in 0..works_of_size {
            let (work, spread) = works.next().zip(spreads.next()).context("no such work")?;
            let row = Row::time(
                format!("{}, {} policies", work.name(), size.policies),
                spread,
            );
            rows.push(match rows.get(index) {
                Some(peer) if rows.len() >= peers => row.compared_with(peer, Some(FLAT)),
                _ => row,
            });
        }
    }
    Ok(rows)
}

fn figures(loaded: &[Loaded], loading: Loading) -> Result<Vec<Figure>> {
    let Loading { whole, compilation } = loading;
    let mut figures = vec![
        Figure::new("loading one policy", whole, "ms"),
        Figure::new("one compilation of its module", compilation, "ms"),
        Figure::new("both compilations of it", 200.0 * compilation / whole, "%"),
    ];
    let one = loaded.first().context("no size")?;
    for size in loaded {
        let policies = f64::from(u32::try_from(size.policies)?);
        let of = |what: &str| format!("{what}, {} policies", size.policies);
        figures.push(Figure::new(of("loading"), size.seconds, "s"));
        figures.push(Figure::new(
            of("processor time of loading"),
            size.processor_seconds,
            "s",
        ));
        figures.push(Figure::new(of("resident memory"), size.memory / MIB, "MiB"));
        if size.policies > one.policies {
            let others = policies - f64::from(u32::try_from(one.policies)?);
            let each = (size.memory - one.memory) / others;
            figures.push(Figure::new(
                of("memory of each further policy"),
                each / KIB,
                "KiB",
            ));
        }
        figures.push(Figure::new(
            of("a decision by the last in order"),
            size.walk,
            "µs",
        ));
    }
    Ok(figures)
}

fn show(loaded: &[Loaded], figures: &[Figure], rows: &[Row]) -> Result<()> {
    let headers = [
        "policies",
        "resident before, MiB",
        "resident, MiB",
        "loading, s",
        "processors, s",
        "loading each, ms",
        "decision by the last in order, µs",
    ];
    let mut sizes = Vec::new();
    for size in loaded {
        let each = size.seconds * 1e3 / f64::from(u32::try_from(size.policies)?);
        sizes.push(vec![
            size.policies.to_string(),
            format!("{:.1}", size.memory_before / MIB),
            format!("{:.1}", size.memory / MIB),
            format!("{:.2}", size.seconds),
            format!("{:.2}", size.processor_seconds),
            format!("{each:.0}"),
            format!("{:.0}", size.walk),
        ]);
    }
    print(&table(&headers, &sizes))?;
    let rows: Vec<_> = rows.iter().map(Row::cells).collect();
    print(&table(&Row::HEADERS, &rows))?;
    let figures: Vec<_> = figures.iter().map(Figure::cells).collect();
    print(&table(&Figure::HEADERS, &figures))
}

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;
