//! Where a path leads.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns `path` with its links followed, as far as it exists.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|ancestor| {
        let real = fs::canonicalize(ancestor).ok()?;
        let rest = path.strip_prefix(ancestor).ok()?;
        Some(real.join(rest))
    });
    found.unwrap_or_else(|| path.to_owned())
}
