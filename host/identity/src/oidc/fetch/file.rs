//! Keys from a file.

use std::path::Path;
use std::sync::Arc;

use portcullis_files::{ReadError, SystemDisk, WatchedFile};

use super::error::FetchError;

/// Returns the name of the file and its content.
pub(crate) async fn read(file: &Arc<WatchedFile>) -> Result<(String, Vec<u8>), FetchError> {
    let file = Arc::clone(file);
    let done = tokio::task::spawn_blocking(move || read_now(&file)).await;
    done.map_err(|_| FetchError::Broken)?
}

/// Does the work of [`read`] on the caller's thread. Blocks.
pub(crate) fn read_now(file: &WatchedFile) -> Result<(String, Vec<u8>), FetchError> {
    named(file.path(), file.read())
}

/// Reads a file that a fetch needs, once. Blocks.
pub(crate) fn read_once(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
    let read = portcullis_files::read_watched(&SystemDisk, path, max_bytes);
    named(path, read).map(|(_, content)| content)
}

fn named(path: &Path, read: Result<Vec<u8>, ReadError>) -> Result<(String, Vec<u8>), FetchError> {
    let origin = path.display().to_string();
    match read {
        Ok(content) => Ok((origin, content)),
        Err(ReadError::TooLarge { limit }) => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Err(FetchError::TooLarge { origin, limit })
        }
        Err(source) => Err(FetchError::File {
            path: path.to_owned(),
            source,
        }),
    }
}
