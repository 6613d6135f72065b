//! The steps of each verb.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::{InProcess, Program, Suite};
use crate::failure::{Failure, Result};
use crate::msrv;
use crate::process;
use crate::prose;
use crate::setup::{self, Node};
use crate::steps::Steps;
use crate::workspace::{WASM_TARGET, Workspace};

/// The policies that the demo serves.
const DEMO_POLICIES: [&str; 2] = ["static-users", "demo-read-only"];

/// The policies under test: those of the demo and every reference policy.
const TESTED_POLICIES: [&str; 5] = [
    "demo-read-only",
    "oidc-roles",
    "scopes",
    "static-users",
    "workload",
];

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
        build_policies(workspace, &DEMO_POLICIES, false)
    })?;
    steps.run(BUILDING_HOST, || build_host(workspace, &["--bins"]))?;
    steps.announce("demo");
    let mut demo = Command::new(workspace.program("demo"));
    if keep {
        demo.arg("--keep");
    }
    set_built(&mut demo, workspace);
    demo.env("PORTCULLIS_NATS_SERVER", server);
    process::run(&mut demo)
}

/// Runs every test, or those whose names contain one of `filters`.
pub(crate) fn test(workspace: &Workspace, filters: &[String]) -> Result<()> {
    let mut steps = Steps::new(8);
    let servers = prepare(&mut steps, workspace)?;
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
        || build_host(workspace, &["--bins", "--tests"]),
    )?;
    steps.announce("tests");
    let mut tests = workspace.cargo();
    tests.args(["test", "--release", "--workspace", "--no-fail-fast", "--"]);
    tests.args(filters);
    set_built(&mut tests, workspace);
    tests.envs(servers).envs(clients).envs(provider);
    tests.envs(languages);
    process::run(tests.envs([TALKATIVE]))
}

/// Runs the suites of conformance, or one of them, and prints a matrix of rows and releases.
pub(crate) fn conformance(
    workspace: &Workspace,
    suite: Option<Suite>,
    server: Option<&str>,
) -> Result<()> {
    let named = server.map(setup::named_server).transpose()?;
    let mut steps = Steps::new(6);
    let mut servers = prepare(&mut steps, workspace)?;
    servers.extend(named.clone());
    let node = setup::node(workspace)?;
    let clients = prepare_clients(&mut steps, workspace, &node)?;
    steps.run(
        "host and suites: built for release (the first time takes some minutes)",
        || {
            build_host(
                workspace,
                &["--bins", "--test", "conformance", "--test", "e2e"],
            )
        },
    )?;
    steps.announce("conformance");
    let mut tests = workspace.cargo();
    tests.args(["test", "--release", "--workspace", "--quiet"]);
    tests.args(["--test", "conformance"]);
    if let Some(suite) = suite {
        tests.args(["--", &format!("{}::", suite.as_str())]);
    }
    set_built(&mut tests, workspace);
    process::run(tests.envs(servers.clone()).envs(clients).envs([TALKATIVE]))?;
    if named.is_none() {
        return Ok(());
    }
    let mut rules = workspace.cargo();
    rules.args(["test", "--release", "--workspace", "--quiet"]);
    rules.args(["--test", "e2e", "--", "Release__Named"]);
    set_built(&mut rules, workspace);
    process::run(rules.envs(servers).envs([TALKATIVE]))
}

/// Injects faults while clients log in, and counts their cost. Runs all faults, or those whose
/// names contain one of `filters`.
pub(crate) fn faults(workspace: &Workspace, filters: &[String]) -> Result<()> {
    program(workspace, "faults", filters)
}

/// Measures logins with different numbers of service connections, and prints a table.
pub(crate) fn bench_connections(workspace: &Workspace) -> Result<()> {
    program(workspace, "connections", &[])
}

/// Measures three contracts between host and policy, and prints a table.
pub(crate) fn bench_contract(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new(4);
    steps.run("toolchain: the target policies are built for", || {
        setup::wasm_target(workspace)
    })?;
    steps.run("guests: built to WebAssembly", || {
        build_guests_of_bench(workspace)
    })?;
    steps.run(BUILDING_BENCH, || build_bench(workspace, "bench-contract"))?;
    steps.announce("contract");
    let mut program = Command::new(workspace.program("bench-contract"));
    set_built(&mut program, workspace);
    process::run(&mut program)
}

/// Measures in one process and prints tables. Writes the numbers to `json` too, if it is given.
pub(crate) fn bench_in_process(
    workspace: &Workspace,
    bench: InProcess,
    json: Option<&str>,
) -> Result<()> {
    if bench == InProcess::Floor {
        return bench_floor(workspace, json);
    }
    let mut steps = Steps::new(if bench.has_peers() { 5 } else { 4 });
    steps.run("toolchain: the target policies are built for", || {
        setup::wasm_target(workspace)
    })?;
    steps.run("policies: built to WebAssembly", || {
        build_policies(workspace, bench.policies(), bench.has_guests())
    })?;
    let name = format!("bench-{}", bench.as_str());
    steps.run(BUILDING_BENCH, || build_bench(workspace, &name))?;
    if bench.has_peers() {
        steps.run("peers: Cedar, regorus and more, built for release", || {
            build_alone(workspace, "bench-peers", "peers")
        })?;
    }
    steps.announce(bench.as_str());
    let mut program = Command::new(workspace.program(&name));
    if let Some(file) = json {
        program.args(["--json", file]);
    }
    if bench.has_peers() {
        program.env("PORTCULLIS_BENCH_PEERS", workspace.program("bench-peers"));
    }
    set_built(&mut program, workspace);
    process::run(&mut program)
}

/// Measures the cryptography alone, which needs no policies and no engine.
fn bench_floor(workspace: &Workspace, json: Option<&str>) -> Result<()> {
    let mut steps = Steps::new(2);
    steps.run("floor: built for release, with every library", || {
        build_alone(workspace, "bench-floor", "floor")
    })?;
    steps.announce("floor");
    let mut program = Command::new(workspace.program("bench-floor"));
    if let Some(file) = json {
        program.args(["--json", file]);
    }
    process::run(&mut program)
}

/// Measures with real servers, and prints tables.
pub(crate) fn bench_servers(
    workspace: &Workspace,
    bench: Program,
    options: &[String],
) -> Result<()> {
    if bench.has_peer() {
        bench_beside_peers(workspace, &[(bench, options.to_vec())])
    } else {
        program(workspace, bench.as_str(), options)
    }
}

/// Runs all benchmarks of the report, then writes the report.
pub(crate) fn bench_all(workspace: &Workspace, options: &[String]) -> Result<()> {
    let results = results(workspace)?;
    for bench in InProcess::REPORTED {
        let file = results.join(bench.as_str()).with_extension("json");
        bench_in_process(workspace, bench, Some(&file.to_string_lossy()))?;
    }
    let benches = Program::REPORTED.map(|bench| {
        let file = results.join(bench.as_str()).with_extension("json");
        let mut options = if bench.is_timed() {
            options.to_vec()
        } else {
            Vec::new()
        };
        options.extend(["--json".to_owned(), file.to_string_lossy().into_owned()]);
        (bench, options)
    });
    bench_beside_peers(workspace, &benches)?;
    bench_report(workspace)
}

/// Writes `docs/performance.md` from the latest results.
pub(crate) fn bench_report(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new(2);
    steps.run(BUILDING_HOST, || build_host(workspace, &["--bins"]))?;
    steps.run("docs/performance.md", || {
        let mut program = Command::new(workspace.program("performance"));
        process::run(program.arg(results(workspace)?).arg(workspace.file("docs")))
    })
}

/// Returns the directory of the results that the report reads.
fn results(workspace: &Workspace) -> Result<PathBuf> {
    let results = workspace.cache().join("bench");
    std::fs::create_dir_all(&results).map_err(Failure::at("create", &results))?;
    Ok(results)
}

/// Runs these programs with their arguments, and with the reference callout built.
fn bench_beside_peers(workspace: &Workspace, benches: &[(Program, Vec<String>)]) -> Result<()> {
    let mut steps = Steps::new(5 + benches.len());
    let servers = prepare(&mut steps, workspace)?;
    let peer = steps.run("callout.go: built from its module", || {
        Ok([("PORTCULLIS_CALLOUT_GO", setup::callout_go(workspace)?)])
    })?;
    steps.run(BUILDING_HOST, || build_host(workspace, &["--bins"]))?;
    for (bench, options) in benches {
        run_program(&mut steps, workspace, bench.as_str(), options, |program| {
            program.envs(servers.clone()).envs(peer.clone());
        })?;
    }
    Ok(())
}

/// Runs a program of the tests against real servers.
fn program(workspace: &Workspace, name: &str, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::new(6);
    let servers = prepare(&mut steps, workspace)?;
    let node = setup::node(workspace)?;
    let provider = identity_provider(&mut steps, workspace, &node)?;
    steps.run(BUILDING_HOST, || build_host(workspace, &["--bins"]))?;
    run_program(&mut steps, workspace, name, arguments, |program| {
        program.envs(servers).envs(provider);
    })
}

/// Runs a program as the last step of a verb. `set` adds variables to its environment.
fn run_program(
    steps: &mut Steps,
    workspace: &Workspace,
    name: &str,
    arguments: &[String],
    set: impl FnOnce(&mut Command),
) -> Result<()> {
    steps.announce(name);
    let mut program = Command::new(workspace.program(name));
    program.args(arguments);
    set_built(&mut program, workspace);
    set(&mut program);
    process::run(&mut program)
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
        build_policies(workspace, &TESTED_POLICIES, true)
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

/// Installs the third-party clients. Returns their path and those of their interpreters, with their
/// environment variables.
fn prepare_clients(
    steps: &mut Steps,
    workspace: &Workspace,
    node: &Node,
) -> Result<[(&'static str, PathBuf); 3]> {
    steps.run("test clients: nats-py, nats.js and paho-mqtt", || {
        let clients = setup::test_clients(workspace, node)?;
        Ok([
            ("PORTCULLIS_CLIENTS", clients),
            ("PORTCULLIS_NODE", node.program.clone()),
            ("PORTCULLIS_PYTHON", PathBuf::from(setup::PYTHON)),
        ])
    })
}

/// Checks documents, comments, dependencies, formatting, lints and documentation, as CI does.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new(9);
    steps.run("documents and comments", || {
        prose::check(&workspace.file(""))
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
        clippy.args(["--features", "portcullis-bench/measure"]);
        process::run(clippy.args(["--", "--deny", "warnings"]))
    })?;
    steps.run("oldest Rust", || msrv::check(workspace))?;
    // Built alone, as the benchmark builds them.
    steps.run("lints of the peers", || {
        let mut clippy = workspace.cargo();
        clippy.args(["clippy", "--release", "--package", "portcullis-bench"]);
        clippy.args(["--bin", "bench-peers", "--features", "peers"]);
        process::run(clippy.args(["--", "--deny", "warnings"]))
    })?;
    steps.run("documentation", || {
        let mut doc = workspace.cargo();
        doc.args(["doc", "--release", "--workspace", "--no-deps"]);
        process::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    steps.run("toolchain: the target policies are built for", || {
        setup::wasm_target(workspace)
    })?;
    // Built from the package alone, for the target whose build generates bindings from the
    // contract.
    steps.run("package of the SDK", || {
        let mut package = workspace.cargo();
        package.args(["package", "--package", "portcullis-sdk", "--allow-dirty"]);
        process::run(package.args(["--target", WASM_TARGET]))
    })
}

/// Builds the host. The demo and the tests use the same selection, so that cargo builds no
/// dependency twice with different features.
fn build_host(workspace: &Workspace, targets: &[&str]) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--workspace"]);
    process::run(build.args(targets))
}

/// The title of the steps that build the host alone.
const BUILDING_HOST: &str = "host: built for release (the first time takes some minutes)";

/// The title of the step that calls [`build_bench`].
const BUILDING_BENCH: &str = "benchmark: built for release (the first time takes some minutes)";

/// Builds a benchmark with the selection of [`build_host`], so that cargo does not rebuild wasmtime
/// with fewer features. The feature `measure` is for this program alone: hosts are built without
/// it.
fn build_bench(workspace: &Workspace, name: &str) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--workspace", "--bin", name]);
    process::run(build.args(["--features", "portcullis-bench/measure"]))
}

/// Builds a program alone: its feature would make cargo rebuild wasmtime, which the program does
/// not use.
fn build_alone(workspace: &Workspace, name: &str, feature: &str) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--package", "portcullis-bench"]);
    process::run(build.args(["--bin", name, "--features", feature]))
}

fn build_guests_of_bench(workspace: &Workspace) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--target", WASM_TARGET]);
    process::run(build.args(["--package", "bench-guests", "--examples"]))
}

fn build_policies(workspace: &Workspace, policies: &[&str], with_guests: bool) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--target", WASM_TARGET, "--lib"]);
    for policy in policies {
        build.args(["--package", policy]);
    }
    if with_guests {
        build.args(["--package", "guests", "--examples"]);
    }
    process::run(&mut build)
}

/// Sets the variables with the paths of the built programs and policies.
fn set_built(command: &mut Command, workspace: &Workspace) {
    let policies = workspace.policies();
    command
        .env("PORTCULLIS_BIN", workspace.program("portcullis"))
        .env("PORTCULLIS_GUESTS", Path::new(&policies).join("examples"))
        .env("PORTCULLIS_POLICIES", policies);
}
