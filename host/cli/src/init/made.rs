//! What `portcullis init` has written.

use std::path::Path;

use serde_json::{Value, json};

/// A written file or directory, and its purpose.
pub(super) type Made = (&'static str, &'static str);

/// Returns the answer in JSON: the mode, the directory, the files with their purposes, and public
/// keys by the names of their holders.
pub(super) fn made_to_json(
    mode: &str,
    directory: &Path,
    files: impl Iterator<Item = Made>,
    keys: &Value,
) -> Value {
    let files: Vec<_> = files
        .map(|(name, purpose)| json!({ "file": directory.join(name), "purpose": purpose }))
        .collect();
    json!({ "mode": mode, "directory": directory, "files": files, "keys": keys })
}
