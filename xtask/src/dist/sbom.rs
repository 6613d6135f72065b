//! The list of what the program contains (SBOM), as `CycloneDX` 1.5.
//!
//! Cargo itself says which packages are linked into the program, and with which licences. The lock
//! file has their digests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::release::Release;
use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// A package that the program contains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
}

/// Writes the list to the directory `into`.
pub(super) fn write(workspace: &Workspace, release: &Release, into: &Path) -> Result<()> {
    let mut tree = workspace.cargo();
    tree.args(["tree", "--locked", "--package", "portcullis-cli"]);
    // Macros run in the compiler, and are no part of the program.
    tree.args(["--edges", "normal,no-proc-macro", "--prefix", "none"]);
    let packages = packages(&process::run_quietly(tree.args(["--format", "{p}|{l}"]))?)?;
    let lock = workspace.file("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(Failure::at("read", &lock))?;
    let text = render(release, &packages, &digests(&lock));
    let file = into.join(format!("{}.cdx.json", release.name()));
    fs::write(&file, text).map_err(Failure::at("write", &file))
}

/// Reads the lines of `cargo tree`: `NAME vVERSION (NOTE)|LICENCE`, with ` (*)` behind a package
/// that stood there before.
fn packages(tree: &str) -> Result<BTreeSet<Package>> {
    let read = |line: &str| {
        let line = line.strip_suffix(" (*)").unwrap_or(line);
        let (package, licence) = line.split_once('|')?;
        let mut words = package.split(' ');
        Some(Package {
            name: words.next()?.to_owned(),
            version: words.next()?.strip_prefix('v')?.to_owned(),
            // Some manifests still separate licences by a slash.
            licence: licence.replace('/', " OR "),
        })
    };
    let lines = tree.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            read(line).ok_or_else(|| Failure::new(format!("`cargo tree` printed `{line}`")))
        })
        .collect()
}

/// Returns the SHA-256 digests in a lock file, by name and version.
fn digests(lock: &str) -> BTreeMap<(&str, &str), &str> {
    let packages = lock.split("[[package]]").filter_map(|package| {
        let value = |key: &str| {
            let value = package.lines().find_map(|line| line.strip_prefix(key))?;
            Some(value.trim_matches('"'))
        };
        let identity = (value("name = ")?, value("version = ")?);
        Some((identity, value("checksum = ")?))
    });
    packages.collect()
}

fn render(
    release: &Release,
    packages: &BTreeSet<Package>,
    digests: &BTreeMap<(&str, &str), &str>,
) -> String {
    let version = &release.version;
    let mut text = format!(
        "{{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n  \
         \"metadata\": {{\n    \"component\": {{\n      \"type\": \"application\",\n      \
         \"name\": \"portcullis\",\n      \"version\": \"{version}\"\n    }}\n  }},\n  \
         \"components\": ["
    );
    for (index, package) in packages.iter().enumerate() {
        let Package {
            name,
            version,
            licence,
        } = package;
        let comma = if index == 0 { "" } else { "," };
        // INVARIANT: names, versions and licences of packages have no character that JSON escapes.
        let _ = write!(
            text,
            "{comma}\n    {{\n      \"type\": \"library\",\n      \"name\": \"{name}\",\n      \
             \"version\": \"{version}\",\n      \"purl\": \"pkg:cargo/{name}@{version}\""
        );
        if !licence.is_empty() {
            let _ = write!(
                text,
                ",\n      \"licenses\": [{{ \"expression\": \"{licence}\" }}]"
            );
        }
        if let Some(digest) = digests.get(&(name.as_str(), version.as_str())) {
            let _ = write!(
                text,
                ",\n      \"hashes\": [{{ \"alg\": \"SHA-256\", \"content\": \"{digest}\" }}]"
            );
        }
        text.push_str("\n    }");
    }
    text.push_str("\n  ]\n}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_stands_once_with_licence_and_digest() {
        let tree = "portcullis-cli v0.1.0 (/srv/host/cli)|Apache-2.0\nclap v4.6.1|MIT/Apache-2.0\n\
                    clap_lex v1.1.0|\nclap v4.6.1|MIT/Apache-2.0 (*)\n";
        let lock = "[[package]]\nname = \"clap\"\nversion = \"4.6.1\"\nchecksum = \"ab12\"\n\n\
                    [[package]]\nname = \"portcullis-cli\"\nversion = \"0.1.0\"\n";
        let release = Release {
            version: "0.1.0".to_owned(),
            processor: "x86_64",
            time: 1,
        };
        let text = render(&release, &packages(tree).unwrap(), &digests(lock));
        assert_eq!(text.matches("pkg:cargo/clap@4.6.1").count(), 1, "{text}");
        assert!(text.contains("\"MIT OR Apache-2.0\""), "{text}");
        assert!(text.contains("\"content\": \"ab12\""), "{text}");
        assert_eq!(text.matches("\"licenses\"").count(), 2, "{text}");
    }

    #[test]
    fn a_line_that_is_no_package_is_quoted() {
        let failure = packages("[build-dependencies]\n").unwrap_err().to_string();
        assert!(failure.contains("[build-dependencies]"), "{failure}");
    }
}
