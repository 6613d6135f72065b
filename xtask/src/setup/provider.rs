//! The `OpenID` provider whose tokens the tests log in with, in a directory with all it needs.

use std::path::PathBuf;

use super::cache;
use super::node::Node;
use crate::failure::Result;
use crate::workspace::Workspace;

/// The pins, and the program that uses what they pin.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "provider.mjs"];

/// The directory with `provider.mjs` and its packages.
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
