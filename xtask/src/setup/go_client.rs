//! The NATS client in Go that tests log in with.

use std::path::PathBuf;
use std::process::Command;

use super::cache;
use crate::failure::Result;
use crate::process;
use crate::workspace::Workspace;

/// The pins of the modules, and the program.
const FILES: [&str; 3] = ["go.mod", "go.sum", "main.go"];

/// Builds the client, and returns its path. `None` if Go is not installed.
pub(crate) fn go_client(workspace: &Workspace) -> Result<Option<PathBuf>> {
    if process::probe(Command::new("go").arg("version")).is_none() {
        return Ok(None);
    }
    let home = workspace.file("tests/clients/go");
    let directory = cache::copied(&workspace.cache(), "go-client", &home, &FILES, |aside| {
        let mut build = Command::new("go");
        build.current_dir(aside);
        process::run(build.args(["build", "-mod=readonly", "-o", "client", "."]))
    })?;
    Ok(Some(directory.join("client")))
}
