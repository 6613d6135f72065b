//! Builds of a policy's crate, and what is missing for one.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use portcullis_core::PolicyName;
use portcullis_files::{Disk as _, NewAccess, SystemDisk};
use serde_json::Value;

use super::hints;
use super::target::TARGET;
use crate::exit::ExitCode;
use crate::failure::Failure;

/// The profile that policies are built in, unless the author names another.
pub(crate) const PROFILE: &str = "release";

/// The edition of a crate whose manifest names none.
const FIRST_EDITION: &str = "2015";
const NO_EDITION: &str = "its Cargo.toml names the edition of Rust of 2015, or none, which is the same: write `edition = \"2024\"` under [package]";

/// A built policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Built {
    /// The module, next to the settings and tests of the crate.
    pub(super) module: PathBuf,
}

/// A reason why a crate makes no policy.
#[derive(Debug, thiserror::Error)]
enum NotBuilt {
    #[error("cannot run `{}`: install Rust, see https://rustup.rs", program.to_string_lossy())]
    NoCargo {
        program: OsString,
        #[source]
        source: io::Error,
    },
    #[error("`{}` has no Cargo.toml: name the folder of a policy's crate, or make one with `portcullis policy new NAME`", .0.display())]
    NoManifest(PathBuf),
    #[error("cargo cannot read `{}`: {problem}", manifest.display())]
    Manifest { manifest: PathBuf, problem: String },
    #[error("`{}` is the manifest of a workspace: name the folder of one policy's crate", .0.display())]
    Workspace(PathBuf),
    #[error("`{0}` can be no policy: {1}")]
    Name(String, portcullis_core::InvalidPolicyName),
    #[error("the crate `{0}` has no library: a policy is written in `src/lib.rs`")]
    NoLibrary(String),
    #[error("the crate `{name}` makes no module: write `crate-type = [\"cdylib\", \"rlib\"]` under [lib] in `{}`", manifest.display())]
    NoCdylib { name: String, manifest: PathBuf },
    #[error("the toolchain lacks the target of policies: run `rustup target add {TARGET}`")]
    NoTarget,
    #[error("the crate `{name}` does not compile{hint}")]
    DoesNotCompile { name: String, hint: String },
    #[error("cargo reported no module of the crate `{0}`")]
    NoModule(String),
    #[error("cannot put the module at `{}`", path.display())]
    Place {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The facts about a crate that a build needs.
struct PolicyCrate {
    name: PolicyName,
    /// Name of the library, as cargo reports it.
    library: String,
    manifest: PathBuf,
    /// Edition of Rust, such as `2024`.
    edition: String,
}

/// Returns whether `directory` is the folder of a crate.
pub(super) fn is_crate(directory: &Path) -> bool {
    directory.join("Cargo.toml").is_file()
}

/// Returns the module that `path` names: the file itself, or that of the crate in the folder, which
/// is built first. `None` if it is neither.
///
/// # Errors
///
/// Fails if the crate is no policy or does not compile, or if the toolchain lacks a part.
pub(super) fn module_of(path: &Path) -> Result<Option<PathBuf>, Failure> {
    if is_crate(path) {
        Ok(Some(build(path, PROFILE)?.module))
    } else {
        Ok(path.is_file().then(|| path.to_owned()))
    }
}

/// Returns the module that `path` names, as [`module_of`] does.
///
/// # Errors
///
/// Fails as [`module_of`] does, and if the path is neither a file nor the folder of a crate.
pub(crate) fn require_module(path: &Path) -> Result<PathBuf, Failure> {
    module_of(path)?.ok_or_else(|| {
        let error = anyhow::anyhow!(
            "`{}` is neither a module nor the folder of a crate: name a NAME.wasm, or the folder that `portcullis policy new` made",
            path.display()
        );
        Failure::new(ExitCode::NotFound, error)
    })
}

/// Builds the policy in the crate at `directory` with cargo's profile `profile`, and puts the
/// module next to the manifest as `NAME.wasm`. Compiler messages go to standard error.
///
/// # Errors
///
/// Fails if the crate is no policy or does not compile, or if the toolchain lacks a part.
pub(super) fn build(directory: &Path, profile: &str) -> Result<Built, Failure> {
    try_build(directory, profile).map_err(|error| Failure::new(error.code(), error))
}

/// Returns the failure of a command whose argument is not the folder of a crate.
pub(super) fn no_crate(directory: &Path) -> Failure {
    let error = NotBuilt::NoManifest(directory.to_owned());
    Failure::new(error.code(), error)
}

fn try_build(directory: &Path, profile: &str) -> Result<Built, NotBuilt> {
    let found = examine(directory)?;
    if !has_target(directory) {
        return Err(NotBuilt::NoTarget);
    }
    let made = compile(directory, &found, profile)?;
    let module = directory.join(format!("{}.wasm", found.name));
    place(&made, &module, NewAccess::Readable).map_err(|source| NotBuilt::Place {
        path: module.clone(),
        source,
    })?;
    Ok(Built { module })
}

/// Puts a copy of `file` at `target` in one step, so that no reader sees half of it.
pub(super) fn place(file: &Path, target: &Path, access: NewAccess) -> io::Result<()> {
    let bytes = fs::read(file)?;
    let (directory, name) = SystemDisk.open_parent(target)?;
    directory.replace(name, &bytes, access)
}

/// Reads the manifest and checks that the crate makes a module.
fn examine(directory: &Path) -> Result<PolicyCrate, NotBuilt> {
    if !is_crate(directory) {
        return Err(NotBuilt::NoManifest(directory.to_owned()));
    }
    let manifest = directory.join("Cargo.toml");
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .arg("--manifest-path")
        .arg(&manifest)
        .stdin(Stdio::null())
        .output()
        .map_err(no_cargo)?;
    let unreadable = |problem: String| NotBuilt::Manifest {
        manifest: manifest.clone(),
        problem,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(unreadable(said.trim().to_owned()));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| unreadable(error.to_string()))?;
    let path = manifest.canonicalize().unwrap_or_else(|_| manifest.clone());
    let package = list(&metadata, "packages").find(|package| {
        let found = text(package, "manifest_path").map(PathBuf::from);
        found.and_then(|found| found.canonicalize().ok()).as_ref() == Some(&path)
    });
    let package = package.ok_or_else(|| NotBuilt::Workspace(manifest.clone()))?;
    let name = text(package, "name").unwrap_or_default().to_owned();
    let is_library = |target: &&Value| {
        let mut kinds = list(target, "kind").filter_map(Value::as_str);
        kinds.any(|kind| matches!(kind, "lib" | "rlib" | "dylib" | "cdylib" | "staticlib"))
    };
    let library = list(package, "targets").find(is_library);
    let library = library.ok_or_else(|| NotBuilt::NoLibrary(name.clone()))?;
    let mut types = list(library, "crate_types").filter_map(Value::as_str);
    if !types.any(|kind| kind == "cdylib") {
        return Err(NotBuilt::NoCdylib { name, manifest });
    }
    let library = text(library, "name").unwrap_or_default().to_owned();
    let edition = text(package, "edition").unwrap_or_default().to_owned();
    match name.parse() {
        Ok(name) => Ok(PolicyCrate {
            name,
            library,
            manifest,
            edition,
        }),
        Err(error) => Err(NotBuilt::Name(name, error)),
    }
}

/// Returns whether the toolchain of the folder has the target of policies.
fn has_target(directory: &Path) -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output();
    asked.is_ok_and(|output| {
        let libraries = String::from_utf8_lossy(&output.stdout).into_owned();
        Path::new(libraries.trim()).is_dir()
    })
}

/// Compiles the crate. Returns the module in cargo's target directory.
fn compile(directory: &Path, found: &PolicyCrate, profile: &str) -> Result<PathBuf, NotBuilt> {
    let name = || found.name.to_string();
    let format = if io::stderr().is_terminal() {
        "json-diagnostic-rendered-ansi"
    } else {
        "json"
    };
    let mut child = cargo()
        .args(["build", "--lib", "--target", TARGET, "--profile", profile])
        .args(["--message-format", format])
        .arg("--manifest-path")
        .arg(found.manifest.file_name().unwrap_or_default())
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(no_cargo)?;
    let mut module = None;
    let (mut hint, mut is_told) = (None, false);
    let lines = child.stdout.take().map(BufReader::new);
    for line in lines
        .into_iter()
        .flat_map(BufReader::lines)
        .map_while(Result::ok)
    {
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        match text(&message, "reason") {
            Some("compiler-message") => {
                show(&message);
                is_told |= hints::is_error(&message);
                hint = hint.or_else(|| hints::for_diagnostic(&message));
            }
            Some("compiler-artifact")
                if message.pointer("/target/name").and_then(Value::as_str)
                    == Some(found.library.as_str()) =>
            {
                let mut files = list(&message, "filenames").filter_map(Value::as_str);
                let is_module =
                    |file: &&str| Path::new(file).extension().is_some_and(|end| end == "wasm");
                module = files.find(is_module).map(PathBuf::from).or(module);
            }
            _ => {}
        }
    }
    let status = child.wait().map_err(no_cargo)?;
    if !status.success() {
        if found.edition == FIRST_EDITION {
            hint = hint.or_else(|| Some(NO_EDITION.to_owned()));
        }
        if !is_told {
            // The build script of a dependency failed, which is no message of the compiler.
            let packages = dependencies(directory);
            // A line is `ring v0.17.14`.
            let packages = packages.lines().filter_map(|line| line.split(' ').next());
            let packages: Vec<_> = packages.collect();
            hint = hint.or_else(|| hints::for_dependencies(&packages));
        }
        let hint = hint.map(|hint| format!(": {hint}")).unwrap_or_default();
        return Err(NotBuilt::DoesNotCompile { name: name(), hint });
    }
    module.ok_or_else(|| NotBuilt::NoModule(name()))
}

/// Returns the names of all dependencies of the crate, one on each line. Empty if cargo does not
/// say them.
fn dependencies(directory: &Path) -> String {
    let listed = cargo()
        .args(["tree", "--target", TARGET, "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output();
    listed.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// Prints a message of the compiler to standard error, where cargo prints the others.
fn show(message: &Value) {
    let rendered = message.pointer("/message/rendered").and_then(Value::as_str);
    // If standard error is closed, only the exit code remains.
    let _ = io::stderr().write_all(rendered.unwrap_or_default().as_bytes());
}

fn cargo() -> Command {
    Command::new(program())
}

fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn no_cargo(source: io::Error) -> NotBuilt {
    NotBuilt::NoCargo {
        program: program(),
        source,
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

impl NotBuilt {
    const fn code(&self) -> ExitCode {
        match self {
            Self::NoCargo { .. } | Self::NoTarget => ExitCode::NoToolchain,
            Self::NoManifest(_) => ExitCode::NotFound,
            Self::Place { .. } => ExitCode::CannotCreate,
            _ => ExitCode::BadPolicies,
        }
    }
}
