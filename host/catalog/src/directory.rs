//! What lies in the directory, read whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use portcullis_core::{Digest, InvalidPolicyName, PolicyName};
use portcullis_files::ReadError;
use sha2::{Digest as _, Sha256};

use crate::unit::{UnitError, UnitProblem};

/// Largest settings file, in bytes.
const MAX_SETTINGS: u64 = 32 << 20;
/// Largest test file, in bytes.
const MAX_TESTS: u64 = 1 << 20;

/// The directory could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the policy directory `{}`", path.display())]
pub struct DirectoryError {
    path: PathBuf,
    source: ReadError,
}

/// One `NAME.wasm` with its `NAME.toml` and `NAME.tests.toml`, as read.
pub(crate) struct Unit {
    pub(crate) paths: Paths,
    pub(crate) content: Result<Content, UnitError>,
    /// The files that every user of the machine may write to.
    pub(crate) exposed: Vec<PathBuf>,
}

/// Where the files of a unit are, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paths {
    pub(crate) module: PathBuf,
    pub(crate) settings: PathBuf,
    pub(crate) tests: PathBuf,
}

impl Paths {
    /// Of the policy `name` in `directory`.
    pub(crate) fn new(directory: &Path, name: &PolicyName) -> Self {
        Self::of(directory.join(format!("{name}.wasm")))
    }

    pub(crate) fn of(module: PathBuf) -> Self {
        Self {
            settings: module.with_extension("toml"),
            tests: module.with_extension("tests.toml"),
            module,
        }
    }
}

/// The bytes of a unit. The settings have password hashes in them.
pub(crate) struct Content {
    pub(crate) module: Vec<u8>,
    pub(crate) settings: Option<Vec<u8>>,
    pub(crate) tests: Option<Vec<u8>>,
    pub(crate) fingerprint: Fingerprint,
}

/// Tells one content from another. Never a time stamp: those lie on network file systems and after `cp -p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) module: Digest,
    pub(crate) settings: Option<Digest>,
    pub(crate) tests: Option<Digest>,
}

impl Fingerprint {
    /// Returns one digest of the version: equal wherever all three files are.
    pub(crate) fn version(&self) -> Digest {
        let mut sum = Sha256::new();
        sum.update(b"portcullis policy version 1\n");
        sum.update(self.module.as_bytes());
        for file in [self.settings, self.tests] {
            // A missing file is not an empty one.
            sum.update([u8::from(file.is_some())]);
            if let Some(digest) = file {
                sum.update(digest.as_bytes());
            }
        }
        Digest::from_bytes(sum.finalize().into())
    }
}

/// Everything in the directory that concerns us.
#[derive(Default)]
pub(crate) struct Scan {
    pub(crate) units: BTreeMap<PolicyName, Unit>,
    /// Files that look like policies but cannot be.
    pub(crate) misnamed: Vec<(PathBuf, InvalidPolicyName)>,
    /// Settings and test files whose module is not there.
    pub(crate) orphans: Vec<PathBuf>,
    /// The directory and its files, as far as every user of the machine may write to them.
    pub(crate) exposed: Vec<PathBuf>,
}

/// Reads `directory`.
pub(crate) fn scan(directory: &Path, max_module: u64) -> Result<Scan, DirectoryError> {
    let failed = |source| DirectoryError {
        path: directory.to_owned(),
        source,
    };
    let mut scan = Scan::default();
    let mut settings = Vec::new();
    let listing = portcullis_files::list(directory).map_err(failed)?;
    if listing.access.is_writable_by_others() {
        scan.exposed.push(directory.to_owned());
    }
    for path in listing.entries {
        let Some(stem) = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
        else {
            continue;
        };
        let extension = path
            .extension()
            .map(|text| text.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            _ if stem.starts_with('.') => {}
            Some("wasm") => match name_of(&path, &stem) {
                Ok(name) => {
                    let unit = read_unit(Paths::of(path), max_module);
                    scan.exposed.extend_from_slice(&unit.exposed);
                    scan.units.insert(name, unit);
                }
                Err(error) => scan.misnamed.push((path, error)),
            },
            Some("toml") => settings.push(path),
            _ => {}
        }
    }
    scan.orphans = settings
        .into_iter()
        .filter(|path| {
            let is = |paths: &Paths| paths.settings == *path || paths.tests == *path;
            !scan.units.values().any(|unit| is(&unit.paths))
        })
        .collect();
    scan.misnamed.sort_by(|left, right| left.0.cmp(&right.0));
    scan.orphans.sort();
    scan.exposed.sort();
    if listing.read_only {
        // Kubernetes mounts files with mode 0777, and read-only.
        scan.exposed.clear();
    }
    Ok(scan)
}

/// The name a module file gives its policy. `A.WASM` and `a.wasm` may not both be policy `a`, so only the lower-case
/// extension counts.
fn name_of(path: &Path, stem: &str) -> Result<PolicyName, InvalidPolicyName> {
    let lower_case = path
        .extension()
        .is_some_and(|extension| extension == "wasm");
    if lower_case {
        stem.parse()
    } else {
        path.file_name()
            .map(|name| name.to_string_lossy())
            .unwrap_or_default()
            .parse()
    }
}

/// Reads the files of a unit.
pub(crate) fn read_unit(paths: Paths, max_module: u64) -> Unit {
    let mut exposed = Vec::new();
    let content = read_content(&paths, max_module, &mut exposed);
    Unit {
        paths,
        content,
        exposed,
    }
}

fn read_content(
    paths: &Paths,
    max_module: u64,
    exposed: &mut Vec<PathBuf>,
) -> Result<Content, UnitError> {
    let Paths {
        module,
        settings,
        tests,
    } = paths;
    let mut read = |path: &Path, limit, too_large| read(path, limit, too_large, exposed);
    let limit = max_module;
    let Some(bytes) = read(module, limit, UnitProblem::TooLarge { limit })? else {
        let missing = UnitProblem::Unreadable(ReadError::Missing);
        return Err(UnitError::new(module, missing));
    };
    let limit = MAX_SETTINGS;
    let settings = read(settings, limit, UnitProblem::SettingsTooLarge { limit })?;
    let limit = MAX_TESTS;
    let tests = read(tests, limit, UnitProblem::TestsTooLarge { limit })?;
    Ok(Content::new(bytes, settings, tests))
}

impl Content {
    pub(crate) fn new(module: Vec<u8>, settings: Option<Vec<u8>>, tests: Option<Vec<u8>>) -> Self {
        let fingerprint = Fingerprint {
            module: digest(&module),
            settings: settings.as_deref().map(digest),
            tests: tests.as_deref().map(digest),
        };
        Self {
            module,
            settings,
            tests,
            fingerprint,
        }
    }
}

/// Returns the bytes of a file, `None` if there is no such file. Reads, never maps: a mapped file that
/// is overwritten takes the process with it.
fn read(
    path: &Path,
    limit: u64,
    too_large: UnitProblem,
    exposed: &mut Vec<PathBuf>,
) -> Result<Option<Vec<u8>>, UnitError> {
    match portcullis_files::read(path, limit) {
        Ok(content) => {
            if content.access.is_writable_by_others() {
                exposed.push(path.to_owned());
            }
            Ok(Some(content.bytes))
        }
        Err(ReadError::Missing) => Ok(None),
        Err(ReadError::NotAFile(kind)) => Err(UnitError::new(path, UnitProblem::NotAFile(kind))),
        Err(ReadError::TooLarge { .. }) => Err(UnitError::new(path, too_large)),
        Err(error) => Err(UnitError::new(path, UnitProblem::Unreadable(error))),
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}
