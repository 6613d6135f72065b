//! Writes `docs/performance.md` and its plot from the results of the benchmarks: `performance
//! DIRECTORY DOCS`, where `DIRECTORY` holds their JSON files. `cargo xtask bench report` runs it.

mod machine;
mod page;
mod plot;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use portcullis_bench::Row;
use serde::Deserialize;

/// The results of one benchmark.
pub(crate) struct Measured {
    /// The name of the benchmark in `cargo xtask bench`.
    pub(crate) bench: String,
    /// The day on which it wrote the results.
    pub(crate) date: String,
    pub(crate) rows: Vec<Row>,
}

#[derive(Deserialize)]
struct File {
    rows: Vec<Row>,
}

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [directory, docs] = arguments.as_slice() else {
        bail!("usage: performance DIRECTORY DOCS");
    };
    let measured = read(directory)?;
    let write = |name: &str, text: String| {
        let file = docs.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))
    };
    write("performance.svg", plot::plot(&measured))?;
    write("performance.md", page::page(&measured)?)
}

/// Reads every JSON file in `directory`, sorted by name.
fn read(directory: &Path) -> Result<Vec<Measured>> {
    let files = fs::read_dir(directory)
        .with_context(|| format!("nothing was measured yet: `{}`", directory.display()))?;
    let mut files: Vec<_> = files.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    files.iter().map(|file| read_file(file)).collect()
}

fn read_file(file: &Path) -> Result<Measured> {
    let place = || format!("`{}`", file.display());
    let text = fs::read_to_string(file).with_context(place)?;
    let File { rows } = serde_json::from_str(&text).with_context(place)?;
    let bench = file.file_stem().context("a file without a name")?;
    Ok(Measured {
        bench: bench.to_string_lossy().into_owned(),
        date: machine::date_of(file)?,
        rows,
    })
}
