//! The release numbers of signed versions, which prevent the return of an older version.
//!
//! ```text
//! DIRECTORY/releases.json      the highest number that has served, by policy
//! DIRECTORY/rolled-back.json   the version that the operator rolled back to, by policy
//! ```
//!
//! The host writes the first file, and `portcullis policy rollback` the second.
//!
//! A user who may write to the policy directory can put an older signed module back, but cannot
//! write here. Without a state directory the host knows the numbers until its process ends.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_core::{Allowed, PolicyName, with_causes};
use portcullis_files::{Disk, NewAccess, ReadError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::directory::{self, DirectoryError};
use crate::options::CatalogOptions;
use crate::signature::{Publisher, SignatureError, signature};

const RELEASES: &str = "releases.json";
const ROLLED_BACK: &str = "rolled-back.json";
/// Maximum size of a file, in bytes: more than a line for each of a thousand policies.
const MAX_BYTES: u64 = 1 << 20;

/// The highest release numbers that have served.
#[derive(Clone, Debug)]
pub(crate) struct Releases {
    disk: Arc<dyn Disk>,
    /// The state directory. `None` keeps the numbers in memory only.
    directory: Option<PathBuf>,
    known: BTreeMap<String, Release>,
}

/// A version with a release number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Release {
    number: u64,
    /// The digest of the signed module.
    module: String,
}

impl Releases {
    /// Reads the release numbers in the state directory.
    pub(crate) fn read(disk: &Arc<dyn Disk>, directory: Option<&Path>) -> Self {
        let known = directory.map(|directory| read_map(&**disk, &directory.join(RELEASES)));
        Self {
            disk: Arc::clone(disk),
            directory: directory.map(Path::to_owned),
            known: known.unwrap_or_default(),
        }
    }

    /// Rejects a signed module whose number is lower than the highest that has served, or equal to
    /// it for another module. Accepts a version that the operator rolled back to, and every module
    /// if `trusted` is `Any`.
    pub(crate) fn check(
        &self,
        name: &PolicyName,
        content: &Content,
        trusted: &Allowed<Publisher>,
    ) -> Result<(), SignatureError> {
        let Some(known) = self.known.get(name.as_str()) else {
            return Ok(());
        };
        // The signature check rejects invalid signatures.
        let (false, Ok(Some(signed))) = (trusted.is_any(), signature(&content.module)) else {
            return Ok(());
        };
        let (number, newest) = (signed.statement.number, known.number);
        let is_known = content.fingerprint.module.to_string() == known.module;
        if number > newest || is_known || self.is_rolled_back_to(name, content) {
            return Ok(());
        }
        Err(if number == newest {
            SignatureError::NumberUsed { number }
        } else {
            SignatureError::Older { number, newest }
        })
    }

    /// Records a version that serves. Returns whether the numbers changed and must be written.
    pub(crate) fn served(&mut self, name: &PolicyName, content: &Content) -> bool {
        let Ok(Some(signed)) = signature(&content.module) else {
            return false;
        };
        let number = signed.statement.number;
        let newest = self
            .known
            .get(name.as_str())
            .map_or(0, |known| known.number);
        if number <= newest {
            return false;
        }
        let module = content.fingerprint.module.to_string();
        let release = Release { number, module };
        self.known.insert(name.to_string(), release);
        true
    }

    /// Writes the numbers, and removes the record of a rollback of `name`, because a newer version
    /// serves.
    pub(crate) fn write(&self, name: &PolicyName) -> io::Result<()> {
        let Some(path) = &self.directory else {
            return Ok(());
        };
        let directory = self.disk.open_directory(path)?;
        let known = serde_json::to_vec_pretty(&self.known)?;
        directory.replace(OsStr::new(RELEASES), &known, NewAccess::Private)?;
        let mut rolled_back: BTreeMap<String, String> =
            read_map(&*self.disk, &path.join(ROLLED_BACK));
        if rolled_back.remove(name.as_str()).is_some() {
            let rolled_back = serde_json::to_vec_pretty(&rolled_back)?;
            directory.replace(OsStr::new(ROLLED_BACK), &rolled_back, NewAccess::Inherited)?;
        }
        Ok(())
    }

    fn is_rolled_back_to(&self, name: &PolicyName, content: &Content) -> bool {
        let Some(path) = &self.directory else {
            return false;
        };
        // If other users can write to the directory, one of them may have written the file.
        let access = self.disk.access(path);
        let is_trusted = access.is_ok_and(|access| access.check(None).is_ok());
        if !is_trusted {
            return false;
        }
        let rolled_back: BTreeMap<String, String> = read_map(&*self.disk, &path.join(ROLLED_BACK));
        let version = content.fingerprint.version().to_string();
        rolled_back.get(name.as_str()) == Some(&version)
    }
}

/// Records that the operator rolls back to a version. The caller puts the files in place
/// afterwards.
pub(crate) fn roll_back(
    disk: &dyn Disk,
    state_directory: &Path,
    name: &PolicyName,
    version: portcullis_core::Digest,
) -> io::Result<()> {
    let mut rolled_back: BTreeMap<String, String> =
        read_map(disk, &state_directory.join(ROLLED_BACK));
    rolled_back.insert(name.to_string(), version.to_string());
    let rolled_back = serde_json::to_vec_pretty(&rolled_back)?;
    let directory = disk.open_directory(state_directory)?;
    // The host reads the file, possibly as another user than the operator.
    directory.replace(OsStr::new(ROLLED_BACK), &rolled_back, NewAccess::Inherited)
}

/// Returns the modules that a host with this state directory rejects because a newer signed version
/// has served. Each has its error.
///
/// # Errors
///
/// Fails if the numbers of signed versions or the policy directory cannot be read.
pub fn check_releases(
    options: &CatalogOptions,
    state_directory: &Path,
) -> Result<Vec<(PathBuf, SignatureError)>, UnknownReleases> {
    let releases = Releases {
        disk: Arc::clone(&options.disk),
        directory: Some(state_directory.to_owned()),
        known: try_read_map(&*options.disk, &state_directory.join(RELEASES))?,
    };
    let source = options.source();
    let scan = directory::scan(&options.directory, source, &BTreeSet::new())
        .map_err(UnknownReleases::Policies)?;
    let trusted = &options.trusted_publishers;
    let refused = scan.units.iter().filter_map(|(name, unit)| {
        // The scan rejects unreadable files.
        let found = *unit.found.as_ref().ok()?;
        let content = Content::read_again(&unit.paths, source, found).ok()?;
        let error = releases.check(name, &content, trusted).err()?;
        Some((unit.paths.module.clone(), error))
    });
    Ok(refused.collect())
}

/// An error that prevents comparing signed versions with those that served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownReleases {
    /// The numbers in the state directory cannot be read.
    #[error("cannot read `{path}`")]
    Numbers {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The policy directory cannot be read.
    #[error(transparent)]
    Policies(DirectoryError),
}

/// Reads a map. Returns an empty one if the file does not exist. A damaged file counts as empty
/// too, and the log says so.
fn read_map<T: DeserializeOwned>(disk: &dyn Disk, path: &Path) -> BTreeMap<String, T> {
    try_read_map(disk, path).unwrap_or_else(|error| {
        tracing::error!(
            file = %path.display(),
            error = with_causes(&error),
            "numbers of signed versions cannot be read"
        );
        BTreeMap::new()
    })
}

/// Reads a map. Returns an empty one if the file does not exist.
fn try_read_map<T: DeserializeOwned>(
    disk: &dyn Disk,
    path: &Path,
) -> Result<BTreeMap<String, T>, UnknownReleases> {
    let failed = |source| UnknownReleases::Numbers {
        path: path.to_owned(),
        source,
    };
    match disk.read(path, MAX_BYTES) {
        Ok(content) => serde_json::from_slice(&content.bytes).map_err(|error| failed(error.into())),
        Err(ReadError::Missing) => Ok(BTreeMap::new()),
        Err(error) => Err(failed(io::Error::other(error))),
    }
}
