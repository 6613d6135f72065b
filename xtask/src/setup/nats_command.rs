//! The `nats` command, which the pages of the guide log in with.

use std::path::PathBuf;
use std::process::Command;

use super::cache;
use crate::failure::Result;
use crate::process;
use crate::workspace::Workspace;

/// The module of the command, at the version that is built.
const MODULE: &str = "github.com/nats-io/natscli/nats@v0.5.0";

/// Returns the `nats` command on PATH, or builds it with Go. The first build takes some minutes.
/// `None` if the machine has neither.
pub(crate) fn nats_command(workspace: &Workspace) -> Result<Option<PathBuf>> {
    if process::probe(Command::new("nats").arg("--version")).is_some() {
        return Ok(Some(PathBuf::from("nats")));
    }
    if process::probe(Command::new("go").arg("version")).is_none() {
        return Ok(None);
    }
    let directory = cache::directory(&workspace.cache(), "nats-command", MODULE, |aside| {
        let mut install = Command::new("go");
        install.args(["install", MODULE]).env("GOBIN", aside);
        process::run(&mut install)
    })?;
    Ok(Some(directory.join("nats")))
}
