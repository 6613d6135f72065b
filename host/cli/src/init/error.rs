//! Reasons why nothing was made.

use std::io;
use std::path::PathBuf;

/// A reason why nothing was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NotInitialized {
    /// A file or directory exists already.
    #[error("`{}` exists already; nothing was written: choose another directory or move it away", .0.display())]
    Exists(PathBuf),
    /// A file or directory cannot be made. Everything made before it was removed.
    #[error("cannot make `{}`; what was written before it is removed", path.display())]
    Write {
        /// Path of the file or directory.
        path: PathBuf,
        /// Reason of the failure.
        #[source]
        source: io::Error,
    },
    /// The key library failed.
    #[error("cannot make keys")]
    Keys(#[source] portcullis_claims::KeyError),
    /// The store of operator and accounts cannot be made.
    #[error("cannot make the store")]
    Store(#[source] portcullis_accounts::StoreError),
}
