//! The certificates that a collector's certificate is checked against.

use std::path::{Path, PathBuf};

use portcullis_files::{ReadError, SystemDisk, read_watched};
use reqwest::Certificate;

/// Maximum size of a file of certificates, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// A reason why a file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificatesError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// Cause.
        source: ReadError,
    },
    /// The file has no certificate.
    #[error("`{}` has no pem certificate", .0.display())]
    Empty(PathBuf),
}

/// Reads the certificates of a file. Blocks.
pub(crate) fn read(path: &Path) -> Result<Vec<Certificate>, CertificatesError> {
    let pem = read_watched(&SystemDisk, path, MAX_SIZE).map_err(|source| {
        let path = path.to_owned();
        CertificatesError::Unreadable { path, source }
    })?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() {
        return Err(CertificatesError::Empty(path.to_owned()));
    }
    Ok(found)
}
