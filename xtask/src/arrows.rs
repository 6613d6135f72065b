//! Which crate may depend on which: the table of `ARCHITECTURE.md`, held by a test.

use std::path::Path;

/// A package, its folder, and those of our own packages and of the guarded ones that it may name.
const ARROWS: [(&str, &[&str]); 15] = [
    ("host/core", &[]),
    ("host/files", &[]),
    ("host/claims", &["portcullis-core"]),
    (
        "host/identity",
        &["portcullis-core", "portcullis-claims", "portcullis-files"],
    ),
    (
        "host/engine",
        &[
            "portcullis-core",
            "portcullis-files",
            "wasmtime",
            "wasmtime-wizer",
            "wit-component",
            "wit-parser",
        ],
    ),
    (
        "host/catalog",
        &["portcullis-core", "portcullis-engine", "portcullis-files"],
    ),
    (
        "connect",
        &[
            "portcullis-core",
            "portcullis-claims",
            "portcullis-files",
            "async-nats",
        ],
    ),
    (
        "host/callout",
        &[
            "portcullis-core",
            "portcullis-claims",
            "portcullis-connect",
            "portcullis-identity",
            "async-nats",
        ],
    ),
    (
        "host/app",
        &[
            "portcullis-core",
            "portcullis-claims",
            "portcullis-files",
            "portcullis-identity",
            "portcullis-engine",
            "portcullis-catalog",
            "portcullis-connect",
            "portcullis-callout",
        ],
    ),
    ("policy-sdk", &["wit-bindgen"]),
    ("policies/oidc-roles", &["portcullis-sdk"]),
    ("policies/scopes", &["portcullis-sdk"]),
    ("policies/static-users", &["portcullis-sdk"]),
    ("policies/workload", &["portcullis-sdk"]),
    ("tests/demo-read-only", &["portcullis-sdk"]),
];

/// Packages of others that only one crate may name.
const GUARDED: [&str; 6] = [
    "wasmtime",
    "wasmtime-wizer",
    "wit-component",
    "wit-parser",
    "wit-bindgen",
    "async-nats",
];

/// The dependencies of a manifest: the keys of `[dependencies]`, not those of the tests.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
}

#[test]
fn crates_depend_only_on_what_the_architecture_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (folder, allowed) in ARROWS {
        let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
        let ours = dependencies(&manifest)
            .filter(|name| name.starts_with("portcullis") || GUARDED.contains(name));
        for name in ours {
            assert!(
                allowed.contains(&name),
                "`{folder}` may not depend on `{name}`"
            );
        }
    }
}

#[test]
fn dependencies_are_read_from_their_section_alone() {
    let manifest = "[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\n# c\nd = \"1\"\n\n[dev-dependencies]\ne = \"1\"\n";
    assert_eq!(dependencies(manifest).collect::<Vec<_>>(), ["b", "d"]);
}
