//! The `OpenID` provider whose tokens the tests log in with.

use std::path::PathBuf;

use super::cache;
use super::node::Node;
use crate::failure::Result;
use crate::workspace::Workspace;

/// The pins of the packages, and the program that uses them.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "provider.mjs"];

/// Returns the directory with `provider.mjs` and its packages.
pub(crate) fn provider(workspace: &Workspace, node: &Node) -> Result<PathBuf> {
    let home = workspace.file("tests/provider");
    cache::copied(
        &workspace.cache(),
        "test-provider",
        &home,
        &FILES,
        |aside| node.install(aside),
    )
}
