//! Lists the sources of the crates that a policy is built with. `portcullis policy new` unpacks
//! them next to a new policy.
//!
//! The sources lie in the folder `sdk`, one folder for each crate. In the repository, its entries
//! are links to the parts that a crate is built from: tests, examples and fuzz targets stay behind.
//! The package of this crate has the files themselves.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Name of a manifest in the folder. Cargo leaves folders with a `Cargo.toml` out of a package.
const MANIFEST: &str = "Cargo.toml.in";

fn main() -> io::Result<()> {
    let directory = |name| env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let sdk = directory("CARGO_MANIFEST_DIR").join("sdk");
    let mut list = String::from("&[\n");
    for entry in files(&sdk)? {
        // Cargo compares times of files, and not of links.
        let path = entry.canonicalize()?;
        println!("cargo::rerun-if-changed={}", path.display());
        let name = entry.strip_prefix(&sdk).map_err(io::Error::other)?;
        let name = match name.file_name() {
            Some(file) if file == MANIFEST => name.with_file_name("Cargo.toml"),
            _ => name.to_owned(),
        };
        let (name, path) = (name.display().to_string(), path.display().to_string());
        // Writing to a string does not fail.
        let _ = writeln!(list, "    ({name:?}, include_str!({path:?})),");
    }
    list.push_str("]\n");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", sdk.display());
    fs::write(directory("OUT_DIR").join("sdk.rs"), list)
}

/// Returns the files in `path`, in the order of their names, without tests.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        let is_test = entry.file_stem().is_some_and(|name| name == "tests");
        if !is_test {
            found.extend(files(&entry)?);
        }
    }
    Ok(found)
}
