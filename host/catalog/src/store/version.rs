//! One stored version, and the order of versions.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use portcullis_core::{Digest, PolicyName};
use portcullis_files::Disk;
use serde::{Deserialize, Serialize};

use crate::content::{Content, FileSource, Fingerprint};
use crate::languages::{LANGUAGES, Texts};
use crate::paths::Paths;

/// The file in a version's directory that describes the version.
pub(super) const ABOUT: &str = "version.json";

/// Maximum size of a description, in bytes.
const MAX_ABOUT: u64 = 64 * 1024;

/// One good version of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Number of the version in the sequence of reloads.
    pub(crate) generation: u64,
    /// Time at which the version was first put in service, in seconds since the Unix epoch.
    pub(crate) since: u64,
    /// The generation that served before this version, when this version was first put in service.
    /// Always a lower number.
    pub(crate) before: Option<u64>,
    pub(crate) fingerprint: Fingerprint,
}

/// A stored version, and its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptVersion {
    pub(crate) version: Version,
    pub(super) directory: PathBuf,
}

/// The content of [`ABOUT`].
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct About {
    generation: u64,
    since: u64,
    #[serde(default)]
    before: Option<u64>,
    module: String,
    settings: Option<String>,
    tests: Option<String>,
    /// The digests of the policy texts, by extension.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    texts: BTreeMap<String, String>,
}

impl KeptVersion {
    /// Reads the version in `directory`. Returns `None` if it is incomplete, or if other users than
    /// this one, root and `owner` can have written it.
    pub(super) fn read(disk: &dyn Disk, directory: &Path, owner: Option<u32>) -> Option<Self> {
        let access = disk.access(directory);
        if let Err(error) = access.and_then(|access| access.check(owner)) {
            tracing::error!(
                directory = %directory.display(),
                error = %error,
                "kept version is not trusted"
            );
            return None;
        }
        let about = disk.read(&directory.join(ABOUT), MAX_ABOUT).ok()?;
        let about: About = serde_json::from_slice(&about.bytes).ok()?;
        let named = directory.file_name()?.to_str()?;
        if named != about.generation.to_string() {
            return None;
        }
        Some(Self {
            version: about.version()?,
            directory: directory.to_owned(),
        })
    }

    /// Returns the paths of the version's files.
    pub(crate) fn paths(&self, name: &PolicyName) -> Paths {
        Paths::new(&self.directory, name)
    }

    /// Returns the version's files. Fails if they differ from what was stored.
    pub(crate) fn content(&self, name: &PolicyName, source: FileSource<'_>) -> io::Result<Content> {
        match Content::read(&self.paths(name), source) {
            Ok(content) if content.fingerprint == self.version.fingerprint => Ok(content),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its files are not the ones that were kept",
            )),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }
}

impl About {
    fn version(self) -> Option<Version> {
        let digest = |text: Option<String>| match text {
            Some(text) => text.parse::<Digest>().map(Some),
            None => Ok(None),
        };
        let mut texts: Texts<Option<Digest>> = Default::default();
        let mut stored = self.texts;
        for (language, text) in LANGUAGES.iter().zip(&mut texts) {
            *text = digest(stored.remove(language.extension)).ok()?;
        }
        Some(Version {
            generation: self.generation,
            since: self.since,
            before: self.before.filter(|before| *before < self.generation),
            fingerprint: Fingerprint {
                module: self.module.parse().ok()?,
                settings: digest(self.settings).ok()?,
                tests: digest(self.tests).ok()?,
                texts,
            },
        })
    }
}

impl From<Version> for About {
    fn from(version: Version) -> Self {
        let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
        let texts = LANGUAGES.iter().zip(version.fingerprint.texts);
        let texts = texts.filter_map(|(language, text)| {
            let text = digest(text)?;
            Some((language.extension.to_owned(), text))
        });
        Self {
            generation: version.generation,
            since: version.since,
            before: version.before,
            module: version.fingerprint.module.to_string(),
            settings: digest(version.fingerprint.settings),
            tests: digest(version.fingerprint.tests),
            texts: texts.collect(),
        }
    }
}

/// Returns the version in `versions`, newest first, that served before `version`. If that one is
/// not recorded or not stored, returns the newest version with a lower number.
pub(crate) fn previous(versions: &[KeptVersion], version: Version) -> Option<&KeptVersion> {
    let is = |generation: u64| move |kept: &&KeptVersion| kept.version.generation == generation;
    let recorded = version
        .before
        .and_then(|before| versions.iter().find(is(before)));
    recorded.or_else(|| {
        let mut kept = versions.iter();
        kept.find(|kept| kept.version.generation < version.generation)
    })
}

/// Returns `versions`, newest first, in the order of preference: the version `newest` and its
/// predecessors, then the versions that were rolled back from.
pub(crate) fn lineage(versions: &[KeptVersion], newest: u64) -> Vec<&KeptVersion> {
    let mut next = versions
        .iter()
        .find(|kept| kept.version.generation == newest);
    let mut ordered = Vec::with_capacity(versions.len());
    // The loop ends, because every step leads to a lower number.
    while let Some(kept) = next {
        ordered.push(kept);
        next = previous(versions, kept.version);
    }
    let others: Vec<_> = versions
        .iter()
        .filter(|kept| !ordered.contains(kept))
        .collect();
    ordered.extend(others);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(generation: u64, before: Option<u64>) -> KeptVersion {
        let module = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        KeptVersion {
            version: Version {
                generation,
                since: 0,
                before,
                fingerprint: Fingerprint {
                    module,
                    settings: None,
                    tests: None,
                    texts: [None; 2],
                },
            },
            directory: PathBuf::new(),
        }
    }

    fn generations(versions: &[&KeptVersion]) -> Vec<u64> {
        let versions = versions.iter();
        versions.map(|kept| kept.version.generation).collect()
    }

    #[test]
    fn what_was_gone_back_from_is_no_longer_before_a_later_version() {
        // The versions served in the order 1, 2, 3, 1 (a rollback), 4.
        let versions = [
            kept(4, Some(1)),
            kept(3, Some(2)),
            kept(2, Some(1)),
            kept(1, None),
        ];
        assert_eq!(generations(&lineage(&versions, 4)), [4, 1, 3, 2]);
        assert_eq!(generations(&lineage(&versions, 3)), [3, 2, 1, 4]);
    }

    #[test]
    fn what_is_not_recorded_or_not_kept_goes_by_number() {
        let versions = [kept(4, Some(1)), kept(3, None), kept(2, None)];
        assert_eq!(generations(&lineage(&versions, 4)), [4, 3, 2]);
        assert_eq!(previous(&versions, versions[2].version), None);
    }
}
