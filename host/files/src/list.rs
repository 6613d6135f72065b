//! Lists directories.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::access::Access;
use crate::bounded::{TIME_LIMIT, within};
use crate::error::ReadError;
use crate::read::Stamp;

/// The entries of a directory, and its access rights.
#[derive(Debug)]
pub struct Listing {
    /// Paths of the entries, in no particular order.
    pub entries: Vec<PathBuf>,
    /// Owner and mode of the directory.
    pub access: Access,
    /// Whether the file system is mounted read-only. Modes do not matter there.
    pub read_only: bool,
}

/// Lists the directory at `path` within [`TIME_LIMIT`]. Blocks.
///
/// # Errors
///
/// Fails if `path` is not a directory or cannot be read, or if its file system does not answer.
pub fn list(path: &Path) -> Result<Listing, ReadError> {
    let owned = path.to_owned();
    within(path, TIME_LIMIT, move || list_now(&owned))
}

/// The identity of a directory. A directory that is deleted and created again has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// Returns the identity of the directory at `path` within [`TIME_LIMIT`]. Blocks.
pub(crate) fn directory_id(path: &Path) -> Result<DirectoryId, ReadError> {
    let owned = path.to_owned();
    within(path, TIME_LIMIT, move || {
        let metadata = fs::metadata(owned)?;
        Ok(DirectoryId {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    })
}

/// Returns the stamp of each entry of the directory at `path` within [`TIME_LIMIT`]. Blocks.
pub(crate) fn stamps(path: &Path) -> Result<Vec<(OsString, Stamp)>, ReadError> {
    let owned = path.to_owned();
    within(path, TIME_LIMIT, move || {
        let mut stamps = Vec::new();
        for entry in fs::read_dir(owned)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) => stamps.push((entry.file_name(), Stamp::from(&metadata))),
                // The entry was removed since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(stamps)
    })
}

fn list_now(path: &Path) -> Result<Listing, ReadError> {
    let access = Access::from(&fs::metadata(path)?);
    let entries = fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    let mount = rustix::fs::statvfs(path).map_err(std::io::Error::from)?;
    Ok(Listing {
        entries,
        access,
        read_only: mount.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_stamp_changes_with_its_file_and_tells_the_age() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let time = UNIX_EPOCH + Duration::from_millis(1_500);
        let write = |text: &str| {
            let mut file = fs::File::create(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file.set_modified(time).unwrap();
            let stamps = stamps(directory.path()).unwrap();
            let (name, stamp) = stamps.into_iter().next().unwrap();
            assert_eq!(name, "a");
            assert_eq!(stamp.modified(), time);
            stamp
        };
        let first = write("one");
        assert_ne!(write("other"), first, "the size differs");
    }

    #[test]
    fn a_directory_is_listed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let listing = list(directory.path()).unwrap();
        assert_eq!(listing.entries, std::slice::from_ref(&file));
        assert!(!listing.read_only && !listing.access.is_writable_by_others());
        assert_eq!(list(&file).unwrap_err().to_string(), "is not a directory");
        let missing = list(&directory.path().join("none")).unwrap_err();
        assert_eq!(missing.to_string(), "does not exist");
    }
}
