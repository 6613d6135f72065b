//! One change of a file.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::diff;

/// Device and inode of a file.
pub(super) type FileId = (u64, u64);

/// A change of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A change of permission bits.
    Mode {
        file: PathBuf,
        id: FileId,
        /// The mode with the type of the file, as `git` writes it.
        before: u32,
        after: u32,
    },
    /// A change of a text.
    Content {
        file: PathBuf,
        before: String,
        after: String,
    },
}

/// Returns what tells a file from another one of the same name.
pub(super) fn id(metadata: &fs::Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

impl Change {
    /// Returns the change that takes `bits` from the mode of `file`. `None` if the file has none of
    /// them, or is not there.
    pub(super) fn mode(file: &Path, bits: u32) -> Option<Self> {
        let metadata = fs::metadata(file).ok()?;
        let before = metadata.mode();
        (before & bits != 0).then(|| Self::Mode {
            file: file.to_owned(),
            id: id(&metadata),
            before,
            after: before & !bits,
        })
    }

    /// Returns the file.
    pub(super) fn file(&self) -> &Path {
        match self {
            Self::Mode { file, .. } | Self::Content { file, .. } => file,
        }
    }

    /// Returns the difference, as `diff -u` and `git diff` write it.
    pub(super) fn diff(&self) -> String {
        let name = self.file().display().to_string();
        let name = portcullis_toml::text::one_line(&name);
        match self {
            Self::Mode { before, after, .. } => {
                format!(
                    "diff --git a/{name} b/{name}\nold mode {before:06o}\nnew mode {after:06o}\n"
                )
            }
            Self::Content { before, after, .. } => {
                format!("--- {name}\n+++ {name}\n{}", diff::hunk(before, after))
            }
        }
    }
}
