//! Checks of the manifests: what a published crate has to say, and the profile of policies.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The keys of `[package]` that every published crate has, its own or the workspace's.
const PUBLISHED: [&str; 9] = [
    "name",
    "description",
    "version",
    "edition",
    "rust-version",
    "license",
    "readme",
    "keywords",
    "categories",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Returns the manifests of the workspace's members.
fn members() -> Vec<PathBuf> {
    let manifest = read(Path::new("Cargo.toml"));
    let (_, members) = manifest.split_once("members = [\n").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    let names = members
        .lines()
        .map(|line| line.trim().trim_matches([',', '"']));
    names
        .map(|name| Path::new(name).join("Cargo.toml"))
        .collect()
}

/// Returns the lines of a table of a manifest, without comments and empty lines.
fn table<'a>(manifest: &'a str, header: &str) -> Vec<&'a str> {
    let lines = manifest.lines().skip_while(|line| *line != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

fn is_set(package: &[&str], key: &str) -> bool {
    let keys = package
        .iter()
        .filter_map(|line| line.split(['.', ' ']).next());
    keys.into_iter().any(|set| set == key)
}

#[test]
fn every_crate_is_published_with_its_metadata_or_not_at_all() {
    let mut published = 0;
    for path in members() {
        let manifest = read(&path);
        let package = table(&manifest, "[package]");
        for key in ["rust-version", "license", "description"] {
            assert!(is_set(&package, key), "{}: {key}", path.display());
        }
        if package.contains(&"publish = false") {
            continue;
        }
        published += 1;
        for key in PUBLISHED {
            assert!(is_set(&package, key), "{}: {key}", path.display());
        }
    }
    assert!(published > 10, "{published}");
}

/// Returns the packages that `package` depends on in the lock file, with those of its tests.
fn locked_dependencies<'a>(lock: &'a str, package: &'a str) -> BTreeSet<&'a str> {
    let packages: Vec<_> = lock.split("[[package]]").collect();
    let (mut found, mut left) = (BTreeSet::new(), vec![package]);
    while let Some(name) = left.pop() {
        let line = format!("\nname = \"{name}\"\n");
        for text in packages.iter().filter(|text| text.contains(&line)) {
            let (_, list) = text.split_once("dependencies = [").unwrap_or_default();
            // An entry is the name, and the version if the workspace has several.
            let names = list.lines().filter_map(|entry| {
                let entry = entry.trim().strip_prefix('"')?;
                entry.split([' ', '"']).next()
            });
            left.extend(names.filter(|name| found.insert(*name)));
        }
    }
    found
}

#[test]
fn connections_need_nothing_of_webassembly_or_of_the_host() {
    let lock = read(Path::new("Cargo.lock"));
    let found = locked_dependencies(&lock, "portcullis-connect");
    assert!(found.contains("async-nats") && found.contains("reqwest"));
    let host = [
        "wasmtime",
        "portcullis",
        "portcullis-authority",
        "portcullis-callout",
    ];
    for name in host {
        assert!(!found.contains(name), "{name}");
    }
    assert!(locked_dependencies(&lock, "portcullis-engine").contains("wasmtime"));
}

#[test]
fn authors_build_with_the_profile_that_this_repository_builds_policies_with() {
    let manifest = read(Path::new("Cargo.toml"));
    let mut ours = table(&manifest, "[profile.policy]");
    // In a crate of its own, this is the profile `release` itself.
    assert_eq!(ours.remove(0), "inherits = \"release\"");
    let readme = read(Path::new("policy-sdk/README.md"));
    let (_, theirs) = readme.split_once("[profile.release]\n").unwrap();
    let (theirs, _) = theirs.split_once("```").unwrap();
    assert_eq!(theirs.lines().collect::<Vec<_>>(), ours);
    let template = read(Path::new("host/cli/templates/Cargo.toml.in"));
    assert_eq!(table(&template, "[profile.release]"), ours);
}
