//! The files of one policy: their paths, their digests and their bytes.

use std::path::Path;

use portcullis_core::Digest;
use portcullis_files::{Access, Disk, ReadError, Stamp};
use sha2::{Digest as _, Sha256};

use crate::languages::{self, Texts};
use crate::paths::{Files, Paths};
use crate::unit_error::{UnitError, UnitProblem};

/// Bytes of the files of a unit. The settings contain password hashes.
pub(crate) struct Content {
    pub(crate) module: Vec<u8>,
    pub(crate) settings: Option<Vec<u8>>,
    pub(crate) tests: Option<Vec<u8>>,
    pub(crate) texts: Texts<Option<Vec<u8>>>,
    pub(crate) fingerprint: Fingerprint,
}

/// Digests that tell one content from another. Time stamps cannot: network file systems and `cp -p`
/// set wrong ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) module: Digest,
    pub(crate) settings: Option<Digest>,
    pub(crate) tests: Option<Digest>,
    pub(crate) texts: Texts<Option<Digest>>,
}

impl Fingerprint {
    /// Returns one digest of the version, which is equal if all files are equal.
    pub(crate) fn version(&self) -> Digest {
        let mut sum = Sha256::new();
        sum.update(b"portcullis policy version 1\n");
        sum.update(self.module.as_bytes());
        for file in [self.settings, self.tests] {
            // The digest tells a missing file from an empty one.
            sum.update([u8::from(file.is_some())]);
            if let Some(digest) = file {
                sum.update(digest.as_bytes());
            }
        }
        // A version without texts keeps the digest that hosts gave it before there were texts.
        if let Some(texts) = languages::digest(self.texts) {
            sum.update(texts.as_bytes());
        }
        Digest::from_bytes(sum.finalize().into())
    }
}

/// The disk that holds policies, and the maximum size of their modules.
#[derive(Clone, Copy)]
pub(crate) struct FileSource<'a> {
    pub(crate) disk: &'a dyn Disk,
    /// Maximum size of a module, in bytes.
    pub(crate) max_module: u64,
}

impl Content {
    pub(crate) fn new(
        module: Vec<u8>,
        settings: Option<Vec<u8>>,
        tests: Option<Vec<u8>>,
        policy_texts: Texts<Option<Vec<u8>>>,
    ) -> Self {
        let fingerprint = Fingerprint {
            module: digest(&module),
            settings: settings.as_deref().map(digest),
            tests: tests.as_deref().map(digest),
            texts: policy_texts
                .each_ref()
                .map(|text| text.as_deref().map(digest)),
        };
        Self {
            module,
            settings,
            tests,
            texts: policy_texts,
            fingerprint,
        }
    }

    /// Returns each file with its path. `None` if the unit has no such file.
    pub(crate) fn files<'a>(&'a self, paths: &'a Paths) -> Files<(&'a Path, Option<&'a [u8]>)> {
        let [module, settings, tests, cedar, rego] = paths.all();
        let [cedar_text, rego_text] = self.texts.each_ref().map(Option::as_deref);
        [
            (module, Some(&self.module)),
            (settings, self.settings.as_deref()),
            (tests, self.tests.as_deref()),
            (cedar, cedar_text),
            (rego, rego_text),
        ]
    }

    /// Reads the files of a unit.
    pub(crate) fn read(paths: &Paths, source: FileSource<'_>) -> Result<Self, UnitError> {
        let mut files: Files<Option<Vec<u8>>> = Default::default();
        for (file, (path, limit)) in files.iter_mut().zip(paths.with_limits(source.max_module)) {
            *file = read(source.disk, paths, path, limit)?.map(|file| file.bytes);
        }
        let [module, settings, tests, policy_texts @ ..] = files;
        let module = module.ok_or_else(|| missing(&paths.module))?;
        Ok(Self::new(module, settings, tests, policy_texts))
    }

    /// Reads the files of a unit again. Fails if their content differs from `found`.
    pub(crate) fn read_again(
        paths: &Paths,
        source: FileSource<'_>,
        found: Fingerprint,
    ) -> Result<Self, UnitError> {
        let content = Self::read(paths, source)?;
        if content.fingerprint == found {
            Ok(content)
        } else {
            Err(UnitError::new(&paths.module, UnitProblem::Changed))
        }
    }
}

/// A file of a unit, as it was read.
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) access: Access,
    pub(crate) stamp: Stamp,
}

/// Returns a file; `None` if the path does not exist. Reads and never maps, because overwriting a
/// mapped file can end the process.
pub(crate) fn read(
    disk: &dyn Disk,
    paths: &Paths,
    path: &Path,
    limit: u64,
) -> Result<Option<File>, UnitError> {
    match disk.read(path, limit) {
        Ok(content) => Ok(Some(File {
            bytes: content.bytes,
            access: content.access,
            stamp: content.stamp,
        })),
        Err(ReadError::Missing) => Ok(None),
        Err(error) => Err(unreadable(paths, path, limit, error)),
    }
}

/// Returns the error of a file that was not read.
pub(crate) fn unreadable(paths: &Paths, path: &Path, limit: u64, error: ReadError) -> UnitError {
    let problem = match error {
        ReadError::NotAFile(kind) => UnitProblem::NotAFile(kind),
        ReadError::TooLarge { .. } if path == paths.module => UnitProblem::TooLarge { limit },
        ReadError::TooLarge { .. } if path == paths.settings => {
            UnitProblem::SettingsTooLarge { limit }
        }
        ReadError::TooLarge { .. } if path == paths.tests => UnitProblem::TestsTooLarge { limit },
        ReadError::TooLarge { .. } => UnitProblem::TextTooLarge { limit },
        error => UnitProblem::Unreadable(error),
    };
    UnitError::new(path, problem)
}

/// Returns the error of a module that does not exist.
pub(crate) fn missing(module: &Path) -> UnitError {
    UnitError::new(module, UnitProblem::Unreadable(ReadError::Missing))
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}
