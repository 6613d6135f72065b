//! Paths of the programs that `cargo xtask` installs or builds for the tests, and the modules that
//! cargo builds on first use.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fmt, fs};

use anyhow::{Context, Result};

/// A finder of programs, by the environment that `cargo xtask` sets, and of modules.
#[derive(Clone, Copy, Debug)]
pub struct Built;

/// The releases of nats-server that the tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 2.10.26, of the first series with auth callout.
    Nats2_10,
    /// 2.11.11.
    Nats2_11,
    /// 2.12.8.
    Nats2_12,
    /// 2.14.6.
    Nats2_14,
    /// 2.15.1.
    Nats2_15,
    /// 2.14.10, which only the Go module proxy has. Available if Go is installed.
    Nats2_14Newest,
    /// 2.15.3, which only the Go module proxy has. Available if Go is installed.
    Nats2_15Newest,
    /// The newest available release: 2.15.3, or else 2.15.1.
    Newest,
    /// The program that the command line of `cargo xtask conformance` names.
    Named,
    /// The server that the demo uses.
    Any,
}

impl Release {
    /// Returns the version as major, minor and patch number. That of [`Self::Named`] is what the
    /// program prints; that of [`Self::Any`] is the one of [`Self::Nats2_15`].
    pub fn version(self) -> (u16, u16, u16) {
        static NAMED: OnceLock<(u16, u16, u16)> = OnceLock::new();
        match self {
            Self::Nats2_10 => (2, 10, 26),
            Self::Nats2_11 => (2, 11, 11),
            Self::Nats2_12 => (2, 12, 8),
            Self::Nats2_14 => (2, 14, 6),
            Self::Nats2_15 | Self::Any => (2, 15, 1),
            Self::Nats2_14Newest => (2, 14, 10),
            Self::Nats2_15Newest => (2, 15, 3),
            Self::Newest if Self::Nats2_15Newest.missing().is_some() => Self::Nats2_15.version(),
            Self::Newest => Self::Nats2_15Newest.version(),
            Self::Named => *NAMED.get_or_init(|| named_version().unwrap_or((0, 0, 0))),
        }
    }

    /// Returns the path of the program of this release.
    ///
    /// # Errors
    ///
    /// Fails if `cargo xtask` has not set the path.
    pub fn program(self) -> Result<PathBuf> {
        path(self.variable())
    }

    /// Returns why this release cannot be tested here; `None` if it can. Releases that only the Go
    /// module proxy has need Go, and a named program must be named.
    pub fn missing(self) -> Option<&'static str> {
        let reason = match self {
            Self::Nats2_14Newest | Self::Nats2_15Newest => "no go",
            Self::Named => "no program named",
            _ => return None,
        };
        env::var_os(self.variable()).is_none().then_some(reason)
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Newest if Self::Nats2_15Newest.missing().is_some() => Self::Nats2_15.variable(),
            Self::Newest => Self::Nats2_15Newest.variable(),
            Self::Nats2_10 => "PORTCULLIS_NATS_SERVER_2_10",
            Self::Nats2_11 => "PORTCULLIS_NATS_SERVER_2_11",
            Self::Nats2_12 => "PORTCULLIS_NATS_SERVER_2_12",
            Self::Nats2_14 => "PORTCULLIS_NATS_SERVER_2_14",
            Self::Nats2_15 => "PORTCULLIS_NATS_SERVER_2_15",
            Self::Nats2_14Newest => "PORTCULLIS_NATS_SERVER_2_14_NEWEST",
            Self::Nats2_15Newest => "PORTCULLIS_NATS_SERVER_2_15_NEWEST",
            Self::Named => "PORTCULLIS_NATS_SERVER_NAMED",
            Self::Any => "PORTCULLIS_NATS_SERVER",
        }
    }
}

/// Returns the version that the named program prints: `nats-server: v2.15.3`.
fn named_version() -> Option<(u16, u16, u16)> {
    let program = Release::Named.program().ok()?;
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, version) = text.trim().rsplit_once('v')?;
    let version = version.split(['-', '+']).next()?;
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.version();
        formatter.pad(&format!("{major}.{minor}.{patch}"))
    }
}

impl Built {
    /// Returns the path of the program `portcullis`.
    ///
    /// # Errors
    ///
    /// Fails if `cargo xtask` has not set the path.
    pub fn portcullis() -> Result<PathBuf> {
        path("PORTCULLIS_BIN")
    }

    /// Returns the policy of the package `package`.
    ///
    /// # Errors
    ///
    /// Fails if cargo cannot build the package.
    pub fn policy(package: &str) -> Result<Vec<u8>> {
        portcullis_test_support::policy(package)
    }

    /// Returns the path of the module that [`Self::policy`] reads.
    ///
    /// # Errors
    ///
    /// Fails if cargo cannot build the package.
    pub fn policy_file(package: &str) -> Result<PathBuf> {
        portcullis_test_support::policy_file(package)
    }

    /// Returns the misbehaving guest `name`.
    ///
    /// # Errors
    ///
    /// Fails if cargo cannot build the guests, or if none has this name.
    pub fn guest(name: &str) -> Result<Vec<u8>> {
        portcullis_test_support::guest(name)
    }

    /// Returns the policy written in another language than Rust.
    ///
    /// # Errors
    ///
    /// Fails if `cargo xtask` has not set the directory of these policies, or has not built this
    /// one.
    pub fn in_other_language(language: &str) -> Result<Vec<u8>> {
        let file = path("PORTCULLIS_OTHER_LANGUAGES")?.join(format!("{language}.wasm"));
        fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))
    }

    /// Returns the directory with the third-party clients and their packages.
    ///
    /// # Errors
    ///
    /// Fails if `cargo xtask` has not set the path.
    pub fn clients() -> Result<PathBuf> {
        path("PORTCULLIS_CLIENTS")
    }

    /// Returns the directory with the `OpenID` provider and its packages.
    ///
    /// # Errors
    ///
    /// Fails if `cargo xtask` has not set the path.
    pub fn provider() -> Result<PathBuf> {
        path("PORTCULLIS_PROVIDER")
    }

    /// Returns the path of the client made with nats.go. `None` if `cargo xtask` has not set it,
    /// because Go is not installed.
    pub fn go_client() -> Option<PathBuf> {
        env::var_os("PORTCULLIS_GO_CLIENT").map(PathBuf::from)
    }

    /// Returns the path of the service made with callout.go.
    ///
    /// # Errors
    ///
    /// Fails if `cargo xtask` has not set the path.
    pub fn callout_go() -> Result<PathBuf> {
        path("PORTCULLIS_CALLOUT_GO")
    }

    /// Returns the path of the program that runs Python.
    ///
    /// # Errors
    ///
    /// Fails if `cargo xtask` has not set the path.
    pub fn python() -> Result<PathBuf> {
        path("PORTCULLIS_PYTHON")
    }

    /// Returns the path of the `nats` command; `None` if it is not on PATH.
    pub fn nats_command() -> Option<PathBuf> {
        let directories = env::var_os("PATH")?;
        let mut programs = env::split_paths(&directories).map(|directory| directory.join("nats"));
        programs.find(|program| program.is_file())
    }

    /// Returns the path of the program that runs JavaScript.
    ///
    /// # Errors
    ///
    /// Fails if `cargo xtask` has not set the path.
    pub fn node() -> Result<PathBuf> {
        path("PORTCULLIS_NODE")
    }
}

fn path(variable: &str) -> Result<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .with_context(|| format!("`{variable}` is not set: run `cargo xtask test`"))
}
