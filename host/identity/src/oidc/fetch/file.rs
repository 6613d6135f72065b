//! Keys in a file.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::FetchError;

/// By what a file is seen to have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
}

impl Stamp {
    /// What the file is now; none if it cannot be seen.
    pub(crate) async fn of(path: &Path) -> Option<Self> {
        let path = path.to_owned();
        let look = move || std::fs::metadata(path).ok();
        let found = tokio::task::spawn_blocking(look).await.ok()??;
        Some(Self {
            modified: found.modified().ok(),
            size: found.len(),
        })
    }
}

/// The name of the file and what is in it.
pub(crate) async fn read(path: &Path, limit: usize) -> Result<(String, Vec<u8>), FetchError> {
    let path = path.to_owned();
    let read = move || read_now(path, limit);
    let done = tokio::task::spawn_blocking(read).await;
    done.map_err(|_| FetchError::Broken)?
}

pub(crate) fn read_now(path: PathBuf, limit: usize) -> Result<(String, Vec<u8>), FetchError> {
    let mut content = Vec::new();
    let beyond = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = File::open(&path).and_then(|file| file.take(beyond).read_to_end(&mut content));
    let origin = path.display().to_string();
    match read {
        Ok(size) if size > limit => Err(FetchError::TooLarge { origin, limit }),
        Ok(_) => Ok((origin, content)),
        Err(source) => Err(FetchError::File { path, source }),
    }
}
