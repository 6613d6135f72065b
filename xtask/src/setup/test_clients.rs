//! The NATS clients that the end-to-end tests log in with.

use std::path::PathBuf;

use super::node::Node;
use super::{cache, python};
use crate::failure::Result;
use crate::workspace::Workspace;

/// The pins of the packages, and the programs that use them.
const FILES: [&str; 9] = [
    "requirements.txt",
    "package.json",
    "package-lock.json",
    "client.py",
    "client.mjs",
    "intents.py",
    "intents.mjs",
    "mqtt.py",
    "media_types.py",
];

/// Returns the directory with `client.py`, `mqtt.py` and `media_types.py`, their packages in
/// `python/`, `client.mjs` and its packages.
pub(crate) fn test_clients(workspace: &Workspace, node: &Node) -> Result<PathBuf> {
    let home = workspace.file("tests/clients");
    cache::copied(&workspace.cache(), "test-clients", &home, &FILES, |aside| {
        python::install_pinned(aside)?;
        node.install(aside)
    })
}
