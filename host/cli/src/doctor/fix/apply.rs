//! Making a change.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use portcullis_files::{Disk as _, NewAccess, SystemDisk};
use rustix::fs::OFlags;

use super::change::{self, Change, FileId};

/// Maximum size of a changed file, in bytes.
const MAX_SIZE: u64 = 4 << 20;

impl Change {
    /// Makes the change. Returns the file with the earlier content, if the content changes.
    ///
    /// # Errors
    ///
    /// Fails with a description if the file has changed since the plan, is a link, or cannot be
    /// changed. The file is then as it was.
    pub(super) fn apply(&self, now: u64) -> Result<Option<String>, String> {
        match self {
            Self::Mode {
                file,
                id,
                before,
                after,
            } => set_mode(file, *id, *before, *after).map(|()| None),
            Self::Content {
                file,
                before,
                after,
            } => replace(file, before, after, now).map(Some),
        }
        .map_err(|error| error.to_string())
    }
}

/// Sets the mode of the file that was looked at, through the open file. Another user may have put a
/// hard link to a file of the system in its place.
fn set_mode(path: &Path, id: FileId, before: u32, after: u32) -> io::Result<()> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if change::id(&metadata) != id {
        return Err(io::Error::other("it is another file in the meantime"));
    }
    if metadata.mode() != before {
        return Err(io::Error::other("its mode has changed in the meantime"));
    }
    file.set_permissions(Permissions::from_mode(after & 0o7777))
}

/// Replaces the content, and keeps the earlier one in a private file next to it.
fn replace(path: &Path, before: &str, after: &str, now: u64) -> io::Result<String> {
    let current = SystemDisk.read(path, MAX_SIZE)?;
    if current.bytes != before.as_bytes() {
        return Err(io::Error::other("its content has changed in the meantime"));
    }
    let (directory, name) = SystemDisk.open_parent(path)?;
    if directory.is_link(name)? {
        return Err(io::Error::other(
            "it is a link; change the file it leads to",
        ));
    }
    let mut backup = OsString::from(name);
    backup.push(format!(".before-{now}"));
    directory.replace(&backup, before.as_bytes(), NewAccess::Private)?;
    directory.replace(name, after.as_bytes(), NewAccess::Inherited)?;
    Ok(path.with_file_name(backup).display().to_string())
}
