//! Rollback to a stored version.
//!
//! A rollback puts the files of the version back into the watched directory, so that the directory
//! holds what serves. A host that watches the directory loads them like any other change.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use portcullis_core::{Digest, PolicyName};
use portcullis_files::{Disk, NewAccess};

use crate::content::{Content, Fingerprint};
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::releases;
use crate::store::{KeptVersion, Store, Version, previous};

/// The result of a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The generation whose files are in place again. The version keeps this number.
    pub generation: u64,
    /// The digest of the version's module.
    pub digest: Digest,
}

/// The reason why a rollback failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// The configuration has no state directory, so no versions are stored.
    #[error("no versions are kept: name a `state-directory` under [policies]")]
    NothingKept,
    /// The state directory cannot be read, or is not trusted.
    #[error("cannot look for versions in `{}`", path.display())]
    State {
        /// The state directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// No earlier version is stored.
    #[error("no earlier version of policy `{name}` is kept; {known}")]
    NoVersion {
        /// The policy.
        name: PolicyName,
        /// The stored generations, in words.
        known: String,
    },
    /// A file in the policy directory is a symbolic link.
    #[error(
        "`{}` is a symbolic link, which a rollback would replace by a file: change what it leads to (for a Kubernetes ConfigMap, apply the earlier one), or put a file in its place",
        .0.display()
    )]
    Link(PathBuf),
    /// The requested version is not stored.
    #[error("generation {generation} of policy `{name}` is not kept; {known}")]
    UnknownGeneration {
        /// The policy.
        name: PolicyName,
        /// The requested generation.
        generation: u64,
        /// The stored generations, in words.
        known: String,
    },
    /// A stored version is damaged.
    #[error("generation {generation} cannot be read")]
    Damaged {
        /// The generation of the damaged version.
        generation: u64,
        /// The cause.
        source: io::Error,
    },
    /// A file in the policy directory or in the state directory cannot be replaced.
    #[error("cannot replace `{}`", path.display())]
    Replace {
        /// The file, or the state directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Puts the files of a stored version of `name` back into the watched directory. With `to`, that is
/// the version of this generation. Without, it is the version that served before the one whose
/// files are in the directory. If those files were never good, it is the version that served last.
///
/// # Errors
///
/// Fails if the version does not exist, or if its files cannot be read or put in place. Also fails
/// if links are in their place.
pub fn rollback(
    options: &CatalogOptions,
    name: &PolicyName,
    to: Option<u64>,
) -> Result<RolledBack, RollbackError> {
    let state = options.state_directory.as_ref();
    let state = state.ok_or(RollbackError::NothingKept)?;
    let store = Store::for_operator(&options.disk, state);
    let versions = store.versions(name);
    let versions = versions.map_err(|source| RollbackError::State {
        path: state.clone(),
        source,
    })?;
    let paths = Paths::new(&options.directory, name);
    let kept = if let Some(generation) = to {
        exactly(&versions, name, generation)?
    } else {
        let present = Content::read(&paths, options.source());
        let present = present.ok().map(|content| content.fingerprint);
        let earlier = match version_of(&versions, present) {
            Some(present) => previous(&versions, present.version),
            None => last_served(&store, &versions, name),
        };
        earlier.ok_or_else(|| RollbackError::NoVersion {
            name: name.clone(),
            known: known_to_choose(&versions),
        })?
    };
    let Version {
        generation,
        fingerprint,
        ..
    } = kept.version;
    let damaged = |source| RollbackError::Damaged { generation, source };
    let content = kept.content(name, options.source()).map_err(damaged)?;
    let disk = &*options.disk;
    releases::roll_back(disk, state, name, fingerprint.version()).map_err(|source| {
        RollbackError::Replace {
            path: state.to_owned(),
            source,
        }
    })?;
    put_back(disk, &paths, &content)?;
    Ok(RolledBack {
        generation,
        digest: fingerprint.module,
    })
}

fn version_of(versions: &[KeptVersion], present: Option<Fingerprint>) -> Option<&KeptVersion> {
    let mut versions = versions.iter();
    versions.find(|kept| Some(kept.version.fingerprint) == present)
}

/// Returns the version that served last, or else the newest one.
fn last_served<'a>(
    store: &Store,
    versions: &'a [KeptVersion],
    name: &PolicyName,
) -> Option<&'a KeptVersion> {
    let last = store.last_served(name).map(|serving| serving.generation);
    let is_last = |kept: &&KeptVersion| Some(kept.version.generation) == last;
    versions.iter().find(is_last).or(versions.first())
}

fn exactly<'a>(
    versions: &'a [KeptVersion],
    name: &PolicyName,
    generation: u64,
) -> Result<&'a KeptVersion, RollbackError> {
    let mut kept = versions.iter();
    kept.find(|kept| kept.version.generation == generation)
        .ok_or_else(|| RollbackError::UnknownGeneration {
            name: name.clone(),
            generation,
            known: known(versions),
        })
}

/// Returns the stored versions, in words that also name the option `--to`.
fn known_to_choose(versions: &[KeptVersion]) -> String {
    let known = known(versions);
    if versions.is_empty() {
        return known;
    }
    format!("{known}: name one with `--to`")
}

fn known(versions: &[KeptVersion]) -> String {
    let generations: Vec<_> = versions
        .iter()
        .map(|kept| kept.version.generation.to_string())
        .collect();
    if generations.is_empty() {
        "there is none".to_owned()
    } else {
        format!("there are {}", generations.join(", "))
    }
}

/// Replaces each file by renaming, in an open directory. Another user may own the directory, and
/// can put links there at any time. The host waits until all files are quiet, so it never
/// loads half of a version.
fn put_back(disk: &dyn Disk, paths: &Paths, content: &Content) -> Result<(), RollbackError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RollbackError::Replace { path, source }
    };
    let opened = disk.open_parent(&paths.module);
    let (directory, module) = opened.map_err(failed(&paths.module))?;
    // The module comes last, so that a new policy is complete when it appears.
    let mut files = content.files(paths);
    files.rotate_left(1);
    let name = |path: &'_ Path| path.file_name().unwrap_or(module).to_owned();
    for (path, _) in files {
        if directory.is_link(&name(path)).map_err(failed(path))? {
            return Err(RollbackError::Link(path.to_owned()));
        }
    }
    for (path, bytes) in files {
        let name: &OsStr = &name(path);
        let done = match bytes {
            Some(bytes) => directory.replace(name, bytes, NewAccess::Inherited),
            None => directory.remove(name),
        };
        done.map_err(failed(path))?;
    }
    Ok(())
}
