//! Keys in a file.

use std::path::{Path, PathBuf};

use super::FetchError;
use crate::file::read_up_to;

/// The name of the file and what is in it.
pub(crate) async fn read(path: &Path, limit: usize) -> Result<(String, Vec<u8>), FetchError> {
    let path = path.to_owned();
    let read = move || read_now(path, limit);
    let done = tokio::task::spawn_blocking(read).await;
    done.map_err(|_| FetchError::Broken)?
}

pub(crate) fn read_now(path: PathBuf, limit: usize) -> Result<(String, Vec<u8>), FetchError> {
    let origin = path.display().to_string();
    match read_up_to(&path, limit) {
        Ok(content) if content.len() > limit => Err(FetchError::TooLarge { origin, limit }),
        Ok(content) => Ok((origin, content)),
        Err(source) => Err(FetchError::File { path, source }),
    }
}
