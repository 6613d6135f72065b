//! The steps of each verb.

pub(crate) mod bench;
mod builds;
pub(crate) mod guide;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use crate::api;
use crate::arguments::Suite;
use crate::failure::{Failure, Result};
use crate::msrv;
use crate::package;
use crate::process;
use crate::prose;
use crate::setup::{self, Node};
use crate::steps::Steps;
use crate::workspace::{WASM_TARGET, Workspace};
use builds::{
    TESTED_POLICIES, TEXT_POLICIES, build, build_modules, build_programs, build_text_policies,
    prepare_clients,
};

/// The policies that the demo serves.
const DEMO_POLICIES: [&str; 2] = ["static-users", "demo-read-only"];

/// The feature of the connect crate that no other crate enables. Only the crates that use the
/// connect crate are built again with it.
const OTEL: &str = "portcullis-connect/otel";

/// The variable that sets the hosts' log level to the most detailed one: the harness searches their
/// logs for secrets.
const TALKATIVE: (&str, &str) = ("PORTCULLIS_TEST_LOG_LEVEL", "trace");

/// Runs the demo: sets everything up and lets real clients log in.
pub(crate) fn demo(workspace: &Workspace, keep: bool) -> Result<()> {
    let mut steps = Steps::new(5);
    steps.run("toolchain: the target policies are built for", || {
        setup::wasm_target(workspace)
    })?;
    let server = steps.run("nats-server: the one on PATH, else one fetched", || {
        setup::any_nats_server(workspace)
    })?;
    steps.run("policies: built to WebAssembly", || {
        build_modules(workspace, &DEMO_POLICIES, &[])
    })?;
    build_programs(&mut steps, workspace, &["demo"])?;
    steps.announce("demo");
    let mut demo = Command::new(workspace.program("demo"));
    if keep {
        demo.arg("--keep");
    }
    set_host(&mut demo, workspace);
    demo.env("PORTCULLIS_NATS_SERVER", server);
    process::run(&mut demo)
}

/// Runs every test and the pages of the guide, or the tests whose names contain one of `filters`.
pub(crate) fn test(workspace: &Workspace, filters: &[String]) -> Result<()> {
    let mut steps = Steps::new(13);
    let servers = prepare(&mut steps, workspace)?;
    steps.run(
        "policies in Cedar and Rego: built to WebAssembly (the first time takes some minutes)",
        || build_text_policies(workspace),
    )?;
    let node = setup::node(workspace)?;
    let languages = steps.run(
        "policies in JavaScript and Python: built to WebAssembly",
        || {
            let built = setup::other_languages(workspace, &node)?;
            Ok([("PORTCULLIS_OTHER_LANGUAGES", built)])
        },
    )?;
    let clients = prepare_clients(&mut steps, workspace, &node)?;
    let provider = identity_provider(&mut steps, workspace, &node)?;
    steps.run(
        "host and tests: built for release (the first time takes some minutes)",
        || build(workspace, &["--bins", "--tests"]),
    )?;
    steps.run("tests of the policies in Cedar and Rego", || {
        TEXT_POLICIES.iter().try_for_each(|package| {
            let mut tests = workspace.cargo();
            tests.args(["test", "--release", "--package", package]);
            tests.args(["--features", "native", "--"]).args(filters);
            process::run(&mut tests)
        })
    })?;
    steps.run("tests of the feature `otel` of the connect crate", || {
        let mut tests = workspace.cargo();
        tests.args(["test", "--release", "--workspace"]);
        tests.args(["--features", OTEL, "--test", "trace_context", "--"]);
        process::run(tests.args(filters).envs(servers.clone()))
    })?;
    steps.announce("tests");
    let mut tests = workspace.cargo();
    tests.args(["test", "--release", "--workspace", "--no-fail-fast", "--"]);
    tests.arg(test_threads()).args(filters);
    set_host(&mut tests, workspace);
    tests.envs(servers).envs(clients).envs(provider);
    tests.envs(languages);
    let tested = process::run(tests.envs([TALKATIVE]));
    if !filters.is_empty() {
        return tested;
    }
    // The pages run after a failed test too, so that one call shows all failures.
    match (tested, guide::pages(&mut steps, workspace, &[])) {
        (Err(tests), Err(pages)) => Err(Failure::new(format!("{tests}; {pages}"))),
        (tested, pages) => tested.and(pages),
    }
}

/// Runs the suites of conformance, or one of them, and prints a matrix of rows and releases.
pub(crate) fn conformance(
    workspace: &Workspace,
    suite: Option<Suite>,
    server: Option<&str>,
) -> Result<()> {
    let named = server.map(setup::named_server).transpose()?;
    let mut steps = Steps::new(7);
    let mut servers = prepare(&mut steps, workspace)?;
    servers.extend(named.clone());
    let node = setup::node(workspace)?;
    let clients = prepare_clients(&mut steps, workspace, &node)?;
    let provider = identity_provider(&mut steps, workspace, &node)?;
    steps.run(
        "host and suites: built for release (the first time takes some minutes)",
        || {
            build(
                workspace,
                &[
                    "--bin",
                    "portcullis",
                    "--test",
                    "conformance",
                    "--test",
                    "e2e",
                ],
            )
        },
    )?;
    steps.announce("conformance");
    let mut tests = workspace.cargo();
    tests.args(["test", "--release", "--workspace", "--quiet"]);
    tests.args(["--test", "conformance", "--", &test_threads()]);
    if let Some(suite) = suite {
        tests.arg(format!("{}::", suite.as_str()));
    }
    set_host(&mut tests, workspace);
    tests.envs(servers.clone()).envs(clients).envs(provider);
    process::run(tests.envs([TALKATIVE]))?;
    if named.is_none() {
        return Ok(());
    }
    let mut rules = workspace.cargo();
    rules.args(["test", "--release", "--workspace", "--quiet"]);
    rules.args(["--test", "e2e", "--", &test_threads(), "Release__Named"]);
    set_host(&mut rules, workspace);
    process::run(rules.envs(servers).envs([TALKATIVE]))
}

/// Injects faults while clients log in, and counts their cost. Runs all faults, or those whose
/// names contain one of `filters`.
pub(crate) fn faults(workspace: &Workspace, filters: &[String]) -> Result<()> {
    let mut steps = Steps::new(6);
    let servers = prepare(&mut steps, workspace)?;
    let node = setup::node(workspace)?;
    let provider = identity_provider(&mut steps, workspace, &node)?;
    build_programs(&mut steps, workspace, &["faults"])?;
    steps.announce("faults");
    let mut program = Command::new(workspace.program("faults"));
    set_host(program.args(filters), workspace);
    process::run(program.envs(servers).envs(provider))
}

/// Prepares a verb with real servers: installs the target and the servers, and builds policies and
/// guests. Returns the paths of the servers with their environment variables.
fn prepare(steps: &mut Steps, workspace: &Workspace) -> Result<Vec<(&'static str, PathBuf)>> {
    steps.run("toolchain: the target policies are built for", || {
        setup::wasm_target(workspace)
    })?;
    let servers = steps.run("nats-server: the releases under test", || {
        setup::nats_servers(workspace)
    })?;
    steps.run("policies and guests: built to WebAssembly", || {
        build_modules(workspace, &TESTED_POLICIES, &["guests"])
    })?;
    Ok(servers)
}

/// Installs the third-party identity provider. Returns its path and that of Node.js, with their
/// environment variables.
fn identity_provider(
    steps: &mut Steps,
    workspace: &Workspace,
    node: &Node,
) -> Result<[(&'static str, PathBuf); 2]> {
    steps.run("identity provider: oidc-provider", || {
        Ok([
            ("PORTCULLIS_PROVIDER", setup::provider(workspace, node)?),
            ("PORTCULLIS_NODE", node.program.clone()),
        ])
    })
}

/// Checks documents, comments, dependencies, formatting, lints and documentation, as CI does.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new(13);
    steps.run("documents and comments", || {
        prose::check(&workspace.file(""))
    })?;
    steps.run("files for deployment, alerts and the dashboard", || {
        let mut check = Command::new(setup::PYTHON);
        check.arg(workspace.file("xtask/packaging/check.py"));
        check.arg(workspace.file(""));
        process::run(check.env("PYTHONPATH", setup::packaging_checkers(workspace)?))
    })?;
    steps.run("licences, versions and sources of dependencies", || {
        let mut deny = Command::new(setup::cargo_deny(workspace)?);
        deny.current_dir(workspace.file(""));
        deny.args(["check", "--hide-inclusion-graph"]);
        process::run(deny.args(["licenses", "bans", "sources"]))
    })?;
    steps.run("format", || {
        process::run(workspace.cargo().args(["fmt", "--all", "--check"]))
    })?;
    // The release profile everywhere: the tests reuse what the lints build for the host.
    steps.run("lints", || {
        let mut clippy = workspace.cargo();
        clippy.args(["clippy", "--release", "--workspace", "--all-targets"]);
        for feature in [
            "portcullis-bench/measure",
            "portcullis-bench/exchange",
            OTEL,
        ] {
            clippy.args(["--features", feature]);
        }
        process::run(clippy.args(["--", "--deny", "warnings"]))
    })?;
    steps.run("oldest Rust", || msrv::check(workspace))?;
    // Built alone, as the benchmark builds them.
    steps.run("lints of the peers", || {
        let mut clippy = workspace.cargo();
        clippy.args(["clippy", "--release", "--package", "portcullis-bench"]);
        clippy.args([
            "--bin",
            "bench-peers",
            "--no-default-features",
            "--features",
            "peers",
        ]);
        process::run(clippy.args(["--", "--deny", "warnings"]))
    })?;
    steps.run("lints of the policies in Cedar and Rego", || {
        TEXT_POLICIES.iter().try_for_each(|package| {
            let mut clippy = workspace.cargo();
            clippy.args(["clippy", "--release", "--package", package]);
            clippy.args(["--all-targets", "--features", "native"]);
            process::run(clippy.args(["--", "--deny", "warnings"]))
        })
    })?;
    steps.run("documentation", || {
        api::forget(workspace)?;
        let mut doc = workspace.cargo();
        doc.args(["doc", "--release", "--workspace", "--no-deps"]);
        process::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    steps.run("public items of the SDK", || api::check(workspace))?;
    steps.run("toolchain: the target policies are built for", || {
        setup::wasm_target(workspace)
    })?;
    // Built from the packages alone, for the target whose build generates bindings from the
    // contract. One call packages both, because the SDK's package needs that of the rules.
    steps.run("packages of the SDK and of its rules", || {
        let mut package = workspace.cargo();
        package.args(["package", "--allow-dirty"]);
        package.args(["--package", "portcullis-permit-rules"]);
        package.args(["--package", "portcullis-sdk"]);
        process::run(package.args(["--target", WASM_TARGET]))
    })?;
    steps.run("packages of the program and of the engine", || {
        package::check_links(workspace)
    })
}

/// Returns the argument of a test program with the number of tests that run at the same time: three
/// for every two processors. Most tests wait for servers and hosts for most of their time. With
/// more at once, the tests that flood a host would find it slower than its deadlines allow.
fn test_threads() -> String {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    format!("--test-threads={}", processors + processors / 2)
}

/// Sets the variable with the path of the host.
fn set_host(command: &mut Command, workspace: &Workspace) {
    command.env("PORTCULLIS_BIN", workspace.program("portcullis"));
}
