//! The NATS clients that the end-to-end tests log in with, in a directory with all they need.

use std::fs;
use std::path::{Path, PathBuf};

use super::node::Node;
use super::{cache, python};
use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// The pins, and the programs that use what they pin.
const FILES: [&str; 6] = [
    "requirements.txt",
    "package.json",
    "package-lock.json",
    "client.py",
    "client.mjs",
    "mqtt.py",
];

/// The directory with `client.py` and `mqtt.py`, their packages in `python/`, `client.mjs` and its packages.
pub(crate) fn test_clients(workspace: &Workspace, node: &Node) -> Result<PathBuf> {
    let home = workspace.file("tests/clients");
    let mut source = String::new();
    for name in FILES {
        let path = home.join(name);
        source += &fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
    }
    cache::directory(&workspace.cache(), "test-clients", &source, |aside| {
        for name in FILES {
            let (from, to) = (home.join(name), aside.join(name));
            fs::copy(&from, &to).map_err(Failure::at("copy", &from))?;
        }
        install_python(aside)?;
        install_javascript(aside, node)
    })
}

fn install_python(aside: &Path) -> Result<()> {
    let requirements = aside.join("requirements.txt");
    let requirements = requirements.to_string_lossy();
    let arguments = ["--require-hashes", "--requirement", &requirements];
    python::install(&aside.join("python"), &arguments)
}

fn install_javascript(aside: &Path, node: &Node) -> Result<()> {
    let mut npm = node.npm();
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(aside);
    process::run_quietly(&mut npm).map(drop)
}
