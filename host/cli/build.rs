//! Lists the sources of the crates that a policy is built with. `portcullis policy new` unpacks
//! them next to a new policy.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The crates that a policy is built with: package and folder in the repository.
const CRATES: [(&str, &str); 2] = [
    ("portcullis-permit-rules", "policy-sdk/rules"),
    ("portcullis-sdk", "policy-sdk"),
];

/// What a crate is built from. Tests, examples and fuzz targets stay behind.
const PARTS: [&str; 5] = ["Cargo.toml", "COOKBOOK.md", "README.md", "src", "wit"];

fn main() -> io::Result<()> {
    let directory = |name| env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let repository = directory("CARGO_MANIFEST_DIR")
        .join("../..")
        .canonicalize()?;
    let mut list = String::from("&[\n");
    for (package, folder) in CRATES {
        let folder = repository.join(folder);
        for part in PARTS {
            let path = folder.join(part);
            if !path.exists() {
                continue;
            }
            println!("cargo::rerun-if-changed={}", path.display());
            for file in files(&path)? {
                let name = file.strip_prefix(&folder).map_err(io::Error::other)?;
                let name = format!("{package}/{}", name.display());
                let file = file.display().to_string();
                // Writing to a string does not fail.
                let _ = writeln!(list, "    ({name:?}, include_str!({file:?})),");
            }
        }
    }
    list.push_str("]\n");
    println!("cargo::rerun-if-changed=build.rs");
    fs::write(directory("OUT_DIR").join("sdk.rs"), list)
}

/// Returns the files in `path`, in the order of their names.
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
