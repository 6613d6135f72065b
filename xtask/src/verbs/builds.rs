//! What several verbs build and install.

use std::path::PathBuf;

use crate::failure::Result;
use crate::process;
use crate::setup::{self, Node};
use crate::steps::Steps;
use crate::workspace::{WASM_TARGET, Workspace};

/// The policies under test: those of the demo and every reference policy.
pub(super) const TESTED_POLICIES: [&str; 5] = [
    "demo-read-only",
    "oidc-roles",
    "scopes",
    "static-users",
    "workload",
];

/// The policies with an interpreter of another language. Each is built by itself: its interpreter
/// turns on features of crates that other policies use too.
pub(super) const TEXT_POLICIES: [&str; 2] = ["cedar", "rego"];

/// Builds targets of the workspace. Every verb makes this selection, so that cargo builds no
/// dependency twice with different features.
pub(super) fn build(workspace: &Workspace, targets: &[&str]) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--workspace"]);
    process::run(build.args(targets))
}

/// Builds the host and some programs, as a step.
pub(super) fn build_programs(
    steps: &mut Steps,
    workspace: &Workspace,
    programs: &[&str],
) -> Result<()> {
    let mut targets = vec!["--bin", "portcullis"];
    targets.extend(programs.iter().flat_map(|program| ["--bin", program]));
    steps.run(
        "host: built for release (the first time takes some minutes)",
        || build(workspace, &targets),
    )
}

/// Builds policies and packages of guests. The programs that load them would do so too, one package
/// after the other.
pub(super) fn build_modules(
    workspace: &Workspace,
    policies: &[&str],
    guests: &[&str],
) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--profile", "policy", "--target", WASM_TARGET]);
    build.args(if policies.is_empty() {
        [].as_slice()
    } else {
        &["--lib"]
    });
    build.args(if guests.is_empty() {
        [].as_slice()
    } else {
        &["--examples"]
    });
    for package in policies.iter().chain(guests) {
        build.args(["--package", package]);
    }
    process::run(&mut build)
}

/// Builds each of the [`TEXT_POLICIES`].
pub(super) fn build_text_policies(workspace: &Workspace) -> Result<()> {
    TEXT_POLICIES
        .iter()
        .try_for_each(|package| build_modules(workspace, &[package], &[]))
}

/// Installs the third-party clients. Returns their paths and those of their interpreters, with
/// their environment variables. That of nats.go is left out if Go is not installed.
pub(super) fn prepare_clients(
    steps: &mut Steps,
    workspace: &Workspace,
    node: &Node,
) -> Result<Vec<(&'static str, PathBuf)>> {
    steps.run(
        "test clients: nats-py, nats.js, paho-mqtt and, with Go, nats.go",
        || {
            let clients = setup::test_clients(workspace, node)?;
            let mut paths = vec![
                ("PORTCULLIS_CLIENTS", clients),
                ("PORTCULLIS_NODE", node.program.clone()),
                ("PORTCULLIS_PYTHON", PathBuf::from(setup::PYTHON)),
            ];
            let in_go = setup::go_client(workspace)?;
            paths.extend(in_go.map(|client| ("PORTCULLIS_GO_CLIENT", client)));
            Ok(paths)
        },
    )
}
