//! Reads regular files up to a number of bytes. Never reads a FIFO, a device or a directory.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;

use crate::access::Access;
use crate::bounded::{TIME_LIMIT, within};
use crate::error::ReadError;

/// The identity of a file's content, as far as metadata shows it. If any part changes, the file has
/// to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
    /// Time of the last status change, as seconds and nanoseconds. Detects a modification time that
    /// was set back, as `cp -p` and `touch` do.
    pub(crate) changed: (i64, i64),
}

impl Stamp {
    /// Returns the modification time. The epoch for a time that the clock does not have.
    pub fn modified(&self) -> SystemTime {
        let (seconds, nanoseconds) = self.modified;
        let seconds = u64::try_from(seconds).unwrap_or_default();
        let nanoseconds = u64::try_from(nanoseconds).unwrap_or_default();
        let since = Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanoseconds));
        UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
    }
}

/// The content of a file, with its metadata at the time of the read.
#[derive(Debug)]
pub struct Content {
    /// Bytes of the file.
    pub bytes: Vec<u8>,
    /// Stamp of the file.
    pub stamp: Stamp,
    /// Owner and mode of the file.
    pub access: Access,
}

/// A regular file, as its metadata shows it.
#[derive(Debug)]
pub struct Survey {
    /// Size of the file, in bytes.
    pub size: u64,
    /// Stamp of the file.
    pub stamp: Stamp,
    /// User id of the file's owner.
    pub owner: u32,
    /// Number of names that the file has: 1, and one more for each further hard link.
    pub names: u64,
    /// The link, if the surveyed path is one.
    pub link: Option<Link>,
}

/// A symbolic link to a regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Absolute path of the file without links.
    pub target: PathBuf,
    /// User id of the link's owner.
    pub owner: u32,
    /// Whether the file is in the directory of the link, or below.
    pub stays_inside: bool,
}

/// Returns the size of the regular file at `path`, and where a link leads, within [`TIME_LIMIT`].
/// Does not open the file. Blocks.
pub(crate) fn survey(path: &Path) -> Result<Survey, ReadError> {
    let owned = path.to_owned();
    within(path, TIME_LIMIT, move || {
        let metadata = metadata(&owned)?;
        regular(&metadata)?;
        let stamp = Stamp::from(&metadata);
        Ok(Survey {
            size: metadata.len(),
            stamp,
            owner: metadata.uid(),
            names: metadata.nlink(),
            link: link(&owned, &stamp)?,
        })
    })
}

/// Returns where the link at `path` leads. `None` if it is no link. Fails unless the path still
/// leads to the file of `stamp`: a link that changes in between could hide where it led.
fn link(path: &Path, stamp: &Stamp) -> Result<Option<Link>, ReadError> {
    let own = fs::symlink_metadata(path)?;
    if !own.is_symlink() {
        return same_file(&own, stamp).map(|()| None);
    }
    let target = fs::canonicalize(path)?;
    same_file(&fs::symlink_metadata(&target)?, stamp)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = fs::canonicalize(parent.unwrap_or(Path::new(".")))?;
    Ok(Some(Link {
        stays_inside: target.starts_with(directory),
        target,
        owner: own.uid(),
    }))
}

fn same_file(found: &Metadata, stamp: &Stamp) -> Result<(), ReadError> {
    if Stamp::from(found).is_same_file(stamp) {
        return Ok(());
    }
    let changed = io::Error::other("it became another file in the meantime");
    Err(ReadError::Io(changed))
}

/// Reads the regular file at `path` within [`TIME_LIMIT`]. Follows links. Blocks.
///
/// # Errors
///
/// Fails if the path is not a regular file, is larger than `max_bytes` or cannot be read, or if its
/// file system does not answer.
pub fn read(path: &Path, max_bytes: u64) -> Result<Content, ReadError> {
    let owned = path.to_owned();
    let content = within(path, TIME_LIMIT, move || {
        read_unless(&owned, max_bytes, None)
    })?;
    // Without a stamp to compare, the content is always present.
    content.ok_or(ReadError::Broken)
}

/// Reads a file on the caller's thread. Returns `None` if its stamp is `seen`.
pub(crate) fn read_unless(
    path: &Path,
    max_bytes: u64,
    seen: Option<Stamp>,
) -> Result<Option<Content>, ReadError> {
    let (file, metadata) = open(path)?;
    let stamp = Stamp::from(&metadata);
    if seen == Some(stamp) {
        return Ok(None);
    }
    let too_large = ReadError::TooLarge { limit: max_bytes };
    if metadata.len() > max_bytes {
        return Err(too_large);
    }
    // Reserves room for the whole file and one more byte, because a growing buffer would leave
    // copies of secrets behind.
    let room = usize::try_from(metadata.len().max(4095)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(room.saturating_add(1));
    // The file may grow during the read, and files of `/proc` report a size of 0.
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > max_bytes) {
        return Err(too_large);
    }
    Ok(Some(Content {
        bytes,
        stamp,
        access: Access::from(&metadata),
    }))
}

/// Returns the stamp of the file at `path`, on the caller's thread.
pub(crate) fn stamp(path: &Path) -> Result<Stamp, ReadError> {
    open(path).map(|(_, metadata)| Stamp::from(&metadata))
}

fn open(path: &Path) -> Result<(File, Metadata), ReadError> {
    // Opening a device can have effects, so `stat` excludes devices first.
    regular(&metadata(path)?)?;
    // Without O_NONBLOCK, a FIFO that has just replaced the file would wait for a writer. Without
    // O_NOCTTY, a terminal would become the controlling one. The standard library adds O_CLOEXEC.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    // The path may lead to another file by now, so only the metadata of the open file counts.
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok((file, metadata))
}

/// Returns the metadata of the file that `path` leads to.
fn metadata(path: &Path) -> Result<Metadata, ReadError> {
    fs::metadata(path).map_err(|error| match ReadError::from(error) {
        ReadError::Missing if fs::symlink_metadata(path).is_ok() => ReadError::Dangling,
        error => error,
    })
}

fn regular(metadata: &Metadata) -> Result<(), ReadError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        Ok(())
    } else {
        Err(ReadError::NotAFile(kind.into()))
    }
}

impl Stamp {
    /// Returns the device and the inode of the file. All hard links to a file share them.
    pub const fn file(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Returns whether both stamps are of one file, whose content may have changed in between.
    pub const fn is_same_file(&self, other: &Self) -> bool {
        self.device == other.device && self.inode == other.inode
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, FileType as NodeType, Mode, mknodat};

    use super::*;
    use crate::error::FileKind;

    fn error(path: &Path) -> String {
        read(path, 8).unwrap_err().to_string()
    }

    #[test]
    fn only_a_regular_file_of_the_size_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("fits"), "12345678").unwrap();
        fs::write(at("large"), "123456789").unwrap();
        mknodat(CWD, at("fifo"), NodeType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        std::os::unix::fs::symlink(at("fits"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("fifo"), at("link to a fifo")).unwrap();
        assert_eq!(read(&at("fits"), 8).unwrap().bytes, b"12345678");
        assert_eq!(read(&at("link"), 8).unwrap().bytes, b"12345678");
        assert_eq!(error(&at("large")), "is larger than 8 bytes");
        assert_eq!(error(&at("none")), "does not exist");
        std::os::unix::fs::symlink(at("none"), at("dangling")).unwrap();
        let dangling = "is a link to a file that does not exist";
        assert_eq!(error(&at("dangling")), dangling);
        assert_eq!(survey(&at("dangling")).unwrap_err().to_string(), dangling);
        let link = survey(&at("link")).unwrap();
        let fits = survey(&at("fits")).unwrap();
        assert!(fits.stamp.is_same_file(&link.stamp) && fits.link.is_none());
        let inside = link.link.unwrap();
        assert_eq!(inside.target, fs::canonicalize(at("fits")).unwrap());
        assert!(inside.stays_inside && inside.owner == fits.owner);
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(at("fits"), elsewhere.path().join("out")).unwrap();
        let out = survey(&elsewhere.path().join("out")).unwrap();
        assert!(!out.link.unwrap().stays_inside);
        // What was another file a moment ago says nothing about that file.
        std::fs::write(at("other"), "x").unwrap();
        let other = survey(&at("other")).unwrap().stamp;
        for path in [at("fits"), elsewhere.path().join("out")] {
            let changed = super::link(&path, &other).unwrap_err();
            assert!(matches!(changed, ReadError::Io(_)), "{changed}");
        }
        assert_eq!(error(&at("fifo")), "is a FIFO, not a regular file");
        assert_eq!(
            error(&at("link to a fifo")),
            "is a FIFO, not a regular file"
        );
        assert_eq!(error(&at("socket")), "is a socket, not a regular file");
        assert_eq!(
            error(directory.path()),
            "is a directory, not a regular file"
        );
        assert_eq!(
            error(Path::new("/dev/zero")),
            "is a device, not a regular file"
        );
    }

    #[test]
    fn a_file_that_claims_to_be_empty_is_bounded_too() {
        let read = read(Path::new("/proc/self/status"), 16);
        assert!(
            matches!(read, Err(ReadError::TooLarge { limit: 16 })),
            "{read:?}"
        );
    }

    #[test]
    fn a_file_replaced_by_a_fifo_after_the_first_look_does_not_hang() {
        // The second check is of the open file. Swapping in a loop hits the window between the two
        // checks.
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("a"), "file").unwrap();
        mknodat(CWD, at("b"), NodeType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let (first, second) = (at("a"), at("b"));
        let swap = move || {
            for _ in 0..2000 {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(CWD, &first, CWD, &second, flags).unwrap();
            }
        };
        let swapping = std::thread::spawn(swap);
        while !swapping.is_finished() {
            match read(&at("a"), 8) {
                Ok(content) => assert_eq!(content.bytes, b"file"),
                Err(error) => assert!(
                    matches!(error, ReadError::NotAFile(FileKind::Fifo)),
                    "{error}"
                ),
            }
        }
        swapping.join().unwrap();
    }
}
