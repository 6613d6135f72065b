//! The guide: its pages, executed.

use super::builds::{
    TESTED_POLICIES, build_modules, build_programs, build_text_policies, prepare_clients,
};
use crate::failure::Result;
use crate::guide::{self, Tools};
use crate::setup;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// Builds what the pages need, and runs them.
pub(crate) fn run(workspace: &Workspace, filters: &[String]) -> Result<()> {
    let mut steps = Steps::new(6);
    steps.run("toolchain: the target policies are built for", || {
        setup::wasm_target(workspace)
    })?;
    steps.run(
        "policies: built to WebAssembly (the first time takes some minutes)",
        || {
            build_modules(workspace, &TESTED_POLICIES, &[])?;
            build_text_policies(workspace)
        },
    )?;
    let node = setup::node(workspace)?;
    prepare_clients(&mut steps, workspace, &node)?;
    build_programs(&mut steps, workspace, &[])?;
    pages(&mut steps, workspace, filters)
}

/// Runs the pages with what is built. Takes two steps.
pub(super) fn pages(steps: &mut Steps, workspace: &Workspace, filters: &[String]) -> Result<()> {
    let (server, nats) = steps.run("nats-server and the nats command", || {
        let server = setup::any_nats_server(workspace)?;
        Ok((server, setup::nats_command(workspace)?))
    })?;
    let mut programs = vec![
        ("portcullis", workspace.program("portcullis")),
        ("nats-server", server),
    ];
    programs.extend(nats.map(|nats| ("nats", nats)));
    let tools = Tools {
        pages: workspace.file("docs/guide"),
        modules: workspace.policies(),
        target: workspace.cache().join("guide"),
        programs,
        python: setup::test_clients(workspace, &setup::node(workspace)?)?.join("python"),
    };
    steps.run("pages of the guide", || guide::run(&tools, filters))
}
