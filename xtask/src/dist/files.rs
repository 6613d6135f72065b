//! Writing of packaged files.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Result};

/// Copies a file, and gives it exactly this mode. Makes its directory if necessary.
pub(super) fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let content = fs::read(from).map_err(Failure::at("read", from))?;
    put(to, &content, mode)
}

/// Writes a file of exactly this mode. Makes its directory if necessary.
pub(super) fn put(file: &Path, content: &[u8], mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).map_err(Failure::at("create", parent))?;
    }
    fs::write(file, content).map_err(Failure::at("write", file))?;
    let mode = fs::Permissions::from_mode(mode);
    fs::set_permissions(file, mode).map_err(Failure::at("write", file))
}
