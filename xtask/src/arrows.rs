//! The allowed dependencies between crates: the table of `ARCHITECTURE.md`, enforced by a test.

use std::path::Path;

/// The allowed dependencies: the folder of a package, then those of our packages and of the guarded
/// packages that its manifest may name. A folder among them stands for all that it may name.
const ARROWS: [(&str, &[&str]); 30] = [
    ("policy-sdk/rules", &[]),
    ("host/core", &["portcullis-permit-rules"]),
    ("host/environment", &[]),
    ("host/files", &[]),
    ("host/claims", &["portcullis-core"]),
    (
        "host/accounts",
        &[
            "portcullis-core",
            "portcullis-claims",
            "portcullis-connect",
            "portcullis-environment",
            "portcullis-files",
            "portcullis-http",
            "portcullis-system",
        ],
    ),
    (
        "host/identity",
        &[
            "portcullis-core",
            "portcullis-claims",
            "portcullis-environment",
            "portcullis-files",
        ],
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
        &[
            "portcullis-core",
            "portcullis-engine",
            "portcullis-environment",
            "portcullis-files",
            "portcullis-toml",
        ],
    ),
    (
        "connect",
        &[
            "portcullis-core",
            "portcullis-claims",
            "portcullis-environment",
            "portcullis-files",
            "async-nats",
        ],
    ),
    (
        "host/mirror",
        &["portcullis-core", "portcullis-connect", "async-nats"],
    ),
    (
        "host/records",
        &[
            "portcullis-core",
            "portcullis-environment",
            "portcullis-files",
            "portcullis-authority",
            "portcullis-connect",
            "async-nats",
        ],
    ),
    ("host/system", &["portcullis-core", "portcullis-connect"]),
    (
        "host/authority",
        &[
            "portcullis-core",
            "portcullis-claims",
            "portcullis-environment",
            "portcullis-identity",
        ],
    ),
    (
        "host/callout",
        &[
            "portcullis-core",
            "portcullis-claims",
            "portcullis-environment",
            "portcullis-authority",
            "portcullis-connect",
        ],
    ),
    (
        "host/exchange",
        &[
            "portcullis-core",
            "portcullis-claims",
            "portcullis-environment",
            "portcullis-authority",
            "portcullis-http",
        ],
    ),
    ("host/http", &["portcullis-core"]),
    ("host/toml", &[]),
    (
        "host/config",
        &[
            "portcullis-accounts",
            "portcullis-core",
            "portcullis-claims",
            "portcullis-files",
            "portcullis-identity",
            "portcullis-engine",
            "portcullis-catalog",
            "portcullis-connect",
            "portcullis-mirror",
            "portcullis-records",
            "portcullis-authority",
            "portcullis-callout",
            "portcullis-exchange",
            "portcullis-toml",
        ],
    ),
    (
        "host/app",
        &[
            "host/config",
            "portcullis-config",
            "portcullis-environment",
            "portcullis-http",
        ],
    ),
    (
        "host/cli",
        &[
            "host/app",
            "portcullis",
            "portcullis-system",
            "clap",
            "edn-format",
            "libmimalloc-sys",
            "mimalloc",
            "tracing-appender",
            "tracing-subscriber",
        ],
    ),
    ("policy-sdk", &["portcullis-permit-rules", "wit-bindgen"]),
    ("policies/cedar", &["policy-support", "portcullis-sdk"]),
    ("policies/oidc-roles", &["policy-support", "portcullis-sdk"]),
    ("policies/rego", &["policy-support", "portcullis-sdk"]),
    ("policies/scopes", &["policy-support", "portcullis-sdk"]),
    (
        "policies/static-users",
        &["policy-support", "portcullis-sdk"],
    ),
    ("policies/support", &["portcullis-sdk"]),
    ("policies/workload", &["policy-support", "portcullis-sdk"]),
    ("demo/read-only", &["portcullis-sdk"]),
];

/// Packages of other names that only the crates may name that list them in [`ARROWS`].
const GUARDED: [&str; 13] = [
    "policy-support",
    "wasmtime",
    "wasmtime-wizer",
    "wit-component",
    "wit-parser",
    "wit-bindgen",
    "async-nats",
    "clap",
    "edn-format",
    "libmimalloc-sys",
    "mimalloc",
    "tracing-appender",
    "tracing-subscriber",
];

/// Returns whether the manifest in `folder` may name the package `name`.
fn may_name(folder: &str, name: &str) -> bool {
    let allowed = ARROWS.iter().find(|(of, _)| *of == folder);
    allowed.is_some_and(|(_, allowed)| {
        allowed
            .iter()
            .any(|entry| *entry == name || may_name(entry, name))
    })
}

/// Returns the keys of every table of dependencies in a manifest. Tables of a single platform
/// count; those of tests do not.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let mut in_table = false;
    manifest.lines().filter_map(move |line| {
        if let Some(header) = line.strip_prefix('[') {
            let table = header.trim_end_matches(']').rsplit('.').next();
            in_table = table == Some("dependencies");
            return None;
        }
        let name = line.split(['.', ' ', '=']).next()?;
        (in_table && !name.is_empty() && !name.starts_with('#')).then_some(name)
    })
}

/// Returns the groups of a manifest's dependencies. Tables, comments and empty lines separate
/// groups.
fn groups(manifest: &str) -> Vec<Vec<&str>> {
    let mut groups = vec![Vec::new()];
    let mut in_table = false;
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            in_table = header.trim_end_matches(']').ends_with("dependencies");
        }
        let key = line.split(['.', ' ', '=']).next().unwrap_or_default();
        let is_key = key.starts_with(|first: char| first.is_ascii_alphanumeric());
        if in_table && is_key {
            groups.last_mut().unwrap().push(key);
        } else if !line.starts_with([' ', ']']) {
            groups.push(Vec::new());
        }
    }
    groups
}

#[test]
fn crates_depend_only_on_what_the_architecture_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (folder, _) in ARROWS {
        let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
        let ours = dependencies(&manifest)
            .filter(|name| name.starts_with("portcullis") || GUARDED.contains(name));
        for name in ours {
            assert!(
                may_name(folder, name),
                "`{folder}` may not depend on `{name}`"
            );
        }
    }
}

#[test]
fn dependencies_are_sorted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let others = [
        "Cargo.toml",
        "bench/Cargo.toml",
        "demo/Cargo.toml",
        "harness/Cargo.toml",
        "harness/policies/Cargo.toml",
        "harness/support/Cargo.toml",
        "tests/Cargo.toml",
    ]
    .map(Path::new);
    let ours = ARROWS.map(|(folder, _)| Path::new(folder).join("Cargo.toml"));
    for manifest in others
        .into_iter()
        .chain(ours.iter().map(std::path::PathBuf::as_path))
    {
        let text = std::fs::read_to_string(root.join(manifest)).unwrap();
        for group in groups(&text) {
            assert!(
                group.is_sorted(),
                "`{}`: sort {group:?}",
                manifest.display()
            );
        }
    }
}

#[test]
fn dependencies_of_a_platform_count_and_those_of_tests_do_not() {
    let manifest = "[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\n# c\nd = \"1\"\n\n\
        [dev-dependencies]\ne = \"1\"\n[target.'cfg(unix)'.dependencies]\nf = \"1\"\n";
    assert_eq!(dependencies(manifest).collect::<Vec<_>>(), ["b", "d", "f"]);
}
