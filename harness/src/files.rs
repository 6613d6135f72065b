//! How to wait for the content of files.

use std::path::Path;

use anyhow::{Context, Result};
use notify::{RecursiveMode, Watcher, recommended_watcher};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use crate::PATIENCE;

/// Reads until `read` returns a value, once at first and then after each change of a file below
/// `directory`. `awaited` names the value for the error.
///
/// # Errors
///
/// Fails if the directory cannot be watched, or if the value does not come within [`PATIENCE`].
pub async fn until_read<T>(
    directory: &Path,
    awaited: &str,
    mut read: impl FnMut() -> Option<T>,
) -> Result<T> {
    let (told, mut changes) = unbounded_channel();
    let mut watcher = recommended_watcher(move |_| {
        // The channel is closed once the value is there.
        let _ = told.send(());
    })?;
    watcher.watch(directory, RecursiveMode::Recursive)?;
    let reading = async {
        loop {
            if let Some(value) = read() {
                return Some(value);
            }
            changes.recv().await?;
            // One reading serves all changes until then.
            while changes.try_recv().is_ok() {}
        }
    };
    let value = timeout(PATIENCE, reading).await.ok().flatten();
    value.with_context(|| format!("no {awaited} in `{}`", directory.display()))
}
