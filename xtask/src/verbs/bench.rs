//! The steps of `cargo xtask bench`.

use std::path::PathBuf;
use std::process::Command;

use super::{build_modules, build_programs, build_text_policies, prepare, set_host};
use crate::benches::{Bench, Kind};
use crate::failure::{Failure, Result};
use crate::process;
use crate::setup;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The title of the steps that build a program which needs no host.
const BUILDING: &str = "benchmark: built for release (the first time takes some minutes)";

/// Measures and prints tables.
pub(crate) fn run(workspace: &Workspace, bench: Bench, options: &[String]) -> Result<()> {
    match bench.kind() {
        Kind::InProcess => in_process(workspace, bench, options),
        Kind::Alone => alone(workspace, bench, options),
        Kind::Servers => with_servers(workspace, &[(bench, options.to_vec())]),
    }
}

/// Runs all benchmarks of the report, then writes the report. `options` are for timed ones.
pub(crate) fn all(workspace: &Workspace, options: &[String]) -> Result<()> {
    let results = results(workspace)?;
    let mut with_real_servers = Vec::new();
    for bench in Bench::REPORTED {
        let file = results.join(bench.as_str()).with_extension("json");
        let mut options = if bench.is_timed() {
            options.to_vec()
        } else {
            Vec::new()
        };
        options.extend(["--json".to_owned(), file.to_string_lossy().into_owned()]);
        if bench.kind() == Kind::Servers {
            with_real_servers.push((bench, options));
        } else {
            run(workspace, bench, &options)?;
        }
    }
    with_servers(workspace, &with_real_servers)?;
    report(workspace)
}

/// Writes `docs/performance.md` from the latest results.
pub(crate) fn report(workspace: &Workspace) -> Result<()> {
    const PROGRAM: &str = "bench-performance";
    let mut steps = Steps::new(2);
    build_programs(&mut steps, workspace, &[PROGRAM])?;
    steps.run("docs/performance.md", || {
        let mut program = Command::new(workspace.program(PROGRAM));
        process::run(program.arg(results(workspace)?).arg(workspace.file("docs")))
    })
}

/// Returns the directory of the results that the report reads.
fn results(workspace: &Workspace) -> Result<PathBuf> {
    let results = workspace.cache().join("bench");
    std::fs::create_dir_all(&results).map_err(Failure::at("create", &results))?;
    Ok(results)
}

/// Measures the engine in the program's own process.
fn in_process(workspace: &Workspace, bench: Bench, options: &[String]) -> Result<()> {
    let mut steps = Steps::new(if bench.has_peers() { 5 } else { 4 });
    steps.run("toolchain: the target policies are built for", || {
        setup::wasm_target(workspace)
    })?;
    steps.run("policies: built to WebAssembly", || {
        build_modules(workspace, bench.policies(), bench.guests())?;
        if bench.has_peers() {
            build_text_policies(workspace)?;
        }
        Ok(())
    })?;
    // With the selection of the host, so that cargo does not rebuild wasmtime with fewer features.
    // The feature `measure` is for these programs alone: hosts are built without it.
    steps.run(BUILDING, || {
        let mut build = workspace.cargo();
        build.args(["build", "--release", "--workspace"]);
        build.args(["--bin", &bench.program()]);
        process::run(build.args(["--features", "portcullis-bench/measure"]))
    })?;
    let mut program = Command::new(workspace.program(&bench.program()));
    if bench.has_peers() {
        steps.run("peers: Cedar, regorus and more, built for release", || {
            build_alone(workspace, "bench-peers", "peers")
        })?;
        program.env("PORTCULLIS_BENCH_PEERS", workspace.program("bench-peers"));
    }
    steps.announce(bench.as_str());
    process::run(program.args(options))
}

/// Measures the cryptography alone, with every library.
fn alone(workspace: &Workspace, bench: Bench, options: &[String]) -> Result<()> {
    let mut steps = Steps::new(2);
    steps.run(BUILDING, || {
        build_alone(workspace, &bench.program(), bench.as_str())
    })?;
    steps.announce(bench.as_str());
    process::run(Command::new(workspace.program(&bench.program())).args(options))
}

/// Builds a program alone: its feature would make cargo rebuild wasmtime, which the program does
/// not use.
fn build_alone(workspace: &Workspace, name: &str, feature: &str) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--package", "portcullis-bench"]);
    build.args(["--no-default-features", "--features", feature]);
    process::run(build.args(["--bin", name]))
}

/// Runs these programs with their options against real servers, and with the reference callout if
/// one of them is compared with it.
fn with_servers(workspace: &Workspace, benches: &[(Bench, Vec<String>)]) -> Result<()> {
    let has_reference = benches.iter().any(|(bench, _)| bench.has_reference());
    let special = benches
        .iter()
        .filter(|(bench, _)| bench.feature().is_some());
    let mut steps = Steps::new(4 + usize::from(has_reference) + special.count() + benches.len());
    let servers = prepare(&mut steps, workspace)?;
    let reference = if has_reference {
        Some(steps.run("callout.go: built from its module", || {
            Ok(("PORTCULLIS_CALLOUT_GO", setup::callout_go(workspace)?))
        })?)
    } else {
        None
    };
    let (special, common): (Vec<_>, Vec<_>) = benches
        .iter()
        .map(|(bench, _)| *bench)
        .partition(|bench| bench.feature().is_some());
    let programs: Vec<_> = common.iter().map(|bench| bench.program()).collect();
    let programs: Vec<_> = programs.iter().map(String::as_str).collect();
    build_programs(&mut steps, workspace, &programs)?;
    for bench in special {
        steps.run(BUILDING, || {
            let mut build = workspace.cargo();
            build.args(["build", "--release", "--workspace"]);
            build.args(["--bin", &bench.program()]);
            process::run(build.args(bench.feature().iter().flat_map(|it| ["--features", it])))
        })?;
    }
    for (bench, options) in benches {
        steps.announce(bench.as_str());
        let mut program = Command::new(workspace.program(&bench.program()));
        set_host(program.args(options), workspace);
        process::run(program.envs(servers.clone()).envs(reference.clone()))?;
    }
    Ok(())
}
