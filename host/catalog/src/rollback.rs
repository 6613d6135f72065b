//! Going back to a version that was kept.
//!
//! The files of that version are put back into the watched directory, so what lies there and what serves stay the same thing; a host
//! that watches it loads them as it would any other change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use portcullis_core::{Digest, PolicyName};

use crate::catalog::CatalogOptions;
use crate::directory::{self, Content, Fingerprint, Paths};
use crate::store::{self, KeptVersion, Store, Version};

/// What a rollback put into the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The generation whose files are in place again. Once loaded they get a new one.
    pub generation: u64,
    /// The digest of its module.
    pub digest: Digest,
}

/// Why nothing was rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// Nothing is kept anywhere.
    #[error("no versions are kept: name a `state-directory` under [policies]")]
    NothingKept,
    /// There is no version to go back to.
    #[error("no other version of policy `{0}` is kept")]
    NoVersion(PolicyName),
    /// That version is not kept.
    #[error("generation {generation} of policy `{name}` is not kept; there are {known}")]
    UnknownGeneration {
        /// The policy.
        name: PolicyName,
        /// What was asked for.
        generation: u64,
        /// What there is.
        known: String,
    },
    /// A kept version is damaged.
    #[error("generation {generation} cannot be read")]
    Damaged {
        /// The version.
        generation: u64,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A file of the directory cannot be replaced.
    #[error("cannot replace `{}`", path.display())]
    Replace {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Puts the files of a kept version of `name` back into the watched directory: of the generation `to`, else of the one before what
/// lies there now, or of the newest one if what lies there was never good.
///
/// # Errors
///
/// When there is no such version, or its files cannot be read or put in place.
pub fn rollback(
    options: &CatalogOptions,
    name: &PolicyName,
    to: Option<u64>,
) -> Result<RolledBack, RollbackError> {
    let directory = options.state_directory.as_ref();
    let directory = directory.ok_or(RollbackError::NothingKept)?;
    let versions = Store::new(directory, options.keep_versions).versions(name);
    let paths = Paths::new(&options.directory, name);
    let present = directory::read_unit(paths.clone(), options.max_module_size);
    let present = present.content.ok().map(|content| content.fingerprint);
    let kept = match to {
        Some(generation) => exactly(&versions, name, generation),
        None => before(&versions, present).ok_or_else(|| RollbackError::NoVersion(name.clone())),
    }?;
    let Version {
        generation,
        fingerprint,
        ..
    } = kept.version;
    let damaged = |source| RollbackError::Damaged { generation, source };
    let unit = kept.unit(name, options.max_module_size).map_err(damaged)?;
    let content = unit
        .content
        .map_err(|error| damaged(io::Error::other(error.to_string())))?;
    put_back(&paths, &content)?;
    Ok(RolledBack {
        generation,
        digest: fingerprint.module,
    })
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
            known: known(versions.iter().map(|kept| kept.version.generation)),
        })
}

/// Of `versions`, newest first, the one before `present`; the newest if `present` is not among them.
fn before(versions: &[KeptVersion], present: Option<Fingerprint>) -> Option<&KeptVersion> {
    let is_present = |kept: &&KeptVersion| Some(kept.version.fingerprint) == present;
    let later = versions.iter().take_while(|version| !is_present(version));
    let later = later.count();
    let skipped = if later == versions.len() { 0 } else { later };
    versions
        .iter()
        .skip(skipped)
        .find(|version| !is_present(version))
}

fn known(generations: impl Iterator<Item = u64>) -> String {
    let generations: Vec<_> = generations.map(|number| number.to_string()).collect();
    if generations.is_empty() {
        "none".to_owned()
    } else {
        generations.join(", ")
    }
}

/// Each file by rename. The host waits until all three are quiet, so it never loads half of a version.
fn put_back(paths: &Paths, content: &Content) -> Result<(), RollbackError> {
    put(&paths.settings, content.settings.as_deref())?;
    put(&paths.tests, content.tests.as_deref())?;
    put(&paths.module, Some(&content.module))
}

fn put(path: &Path, bytes: Option<&[u8]>) -> Result<(), RollbackError> {
    let done = match bytes {
        Some(bytes) => store::replace_in_place(path, bytes),
        None => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    };
    done.map_err(|source| RollbackError::Replace {
        path: path.to_owned(),
        source,
    })
}
