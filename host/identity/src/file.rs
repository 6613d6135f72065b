//! Files that are looked at again and again.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

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
        let look = move || Self::of_now(&path);
        tokio::task::spawn_blocking(look).await.ok()?
    }

    /// The same, while the thread waits.
    pub(crate) fn of_now(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: found.modified().ok(),
            size: found.len(),
        })
    }
}

/// What is in a file, or one byte more than `limit` of it if there is more.
pub(crate) fn read_up_to(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let beyond = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(beyond).read_to_end(&mut content)?;
    Ok(content)
}
