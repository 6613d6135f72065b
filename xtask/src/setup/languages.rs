//! Test policies in other languages than Rust, each built with the tool of its language.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::node::Node;
use super::{cache, python};
use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// The source files of the policies.
const SOURCES: [&str; 4] = [
    "tests/guests/javascript/policy.js",
    "tests/guests/python/policy.py",
    "tests/guests/teams.wit",
    "wit/policy.wit",
];

/// The pins of the JavaScript tools, and the program that uses the pinned packages.
const JAVASCRIPT: [&str; 3] = ["package.json", "package-lock.json", "build.mjs"];

/// The pins of the Python tool.
const PYTHON: [&str; 1] = ["requirements.txt"];

/// The command that starts componentize-py, which is not installed as a program here but as a
/// library.
const COMPONENTIZE_PY: &str = "import componentize_py; componentize_py.script()";

/// Returns the directory with one module for each engine: two of JavaScript and one of Python.
pub(crate) fn other_languages(workspace: &Workspace, node: &Node) -> Result<PathBuf> {
    let cache = workspace.cache();
    let javascript = cache::copied(
        &cache,
        "componentize-js",
        &workspace.file("tests/guests/javascript"),
        &JAVASCRIPT,
        |aside| node.install(aside),
    )?;
    let python = cache::copied(
        &cache,
        "componentize-py",
        &workspace.file("tests/guests/python"),
        &PYTHON,
        python::install_pinned,
    )?;
    let mut source = String::new();
    for pins in [javascript.join(JAVASCRIPT[1]), python.join(PYTHON[0])] {
        source += &read(&pins)?;
    }
    for name in SOURCES {
        source += &read(&workspace.file(name))?;
    }
    cache::directory(&cache, "other-languages", &source, |aside| {
        for name in SOURCES {
            copy(&workspace.file(name), aside)?;
        }
        let wit = arrange_wit(aside)?;
        for engine in ["spidermonkey", "quickjs"] {
            let mut build = Command::new(&node.program);
            build.arg(javascript.join(JAVASCRIPT[2])).arg(engine);
            build.arg(aside.join("policy.js")).arg(&wit);
            build.arg(aside.join(format!("javascript-{engine}.wasm")));
            process::run_quietly(build.current_dir(aside))?;
        }
        let mut build = Command::new(python::PYTHON);
        build.args(["-c", COMPONENTIZE_PY, "--quiet", "--wit-path"]);
        build.arg(&wit).args(["--world", "policy", "componentize"]);
        build.args(["--stub-wasi", "policy", "--output", "python.wasm"]);
        build.env("PYTHONPATH", python.join(python::PINNED));
        process::run_quietly(build.current_dir(aside)).map(drop)
    })
}

/// Creates a directory with the world and the contract as its dependency, in the layout that the
/// tools read.
fn arrange_wit(aside: &Path) -> Result<PathBuf> {
    let wit = aside.join("wit");
    let contract = wit.join("deps");
    fs::create_dir_all(&contract).map_err(Failure::at("create", &contract))?;
    copy(&aside.join("teams.wit"), &wit)?;
    copy(&aside.join("policy.wit"), &contract)?;
    Ok(wit)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Failure::at("read", path))
}

/// Copies a file into a directory.
fn copy(file: &Path, directory: &Path) -> Result<()> {
    let name = file.file_name().unwrap_or_default();
    fs::copy(file, directory.join(name))
        .map(drop)
        .map_err(Failure::at("copy", file))
}
