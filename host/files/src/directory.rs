//! An open directory, in which files are replaced and removed by name.
//!
//! The owner of a directory can create links at any name in it. So this module resolves every name
//! in the open directory and follows no link. It sets owners and modes through the open file. It
//! creates a new file under a name that another user can neither predict nor occupy.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use crate::access::NewAccess;
use crate::disk::OpenDirectory;

/// An open directory of the operating system's disk.
#[derive(Debug)]
pub(crate) struct Directory(OwnedFd);

/// Prefix of a file's name while the file is being written. Readers of these directories skip names
/// that begin with a dot.
const ASIDE: &str = ".portcullis-";

/// Returns whether `name` is that of a temporary file of
/// [`OpenDirectory::replace`](crate::OpenDirectory::replace), which an interrupted process leaves
/// behind.
pub fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(ASIDE.as_bytes())
}

impl Directory {
    /// Opens the directory at `path`. Follows links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    fn stat(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn inherit(&self, name: &OsStr, file: &File) -> io::Result<()> {
        let present = self.stat(name)?;
        if present
            .as_ref()
            .is_some_and(|stat| kind(stat) != FileType::RegularFile)
        {
            let reason = "it is a link or no regular file, and only a regular file is replaced";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let (owner, mode) = match present {
            Some(stat) => (
                stat,
                Mode::from_raw_mode(stat.st_mode) & Mode::from_raw_mode(0o777),
            ),
            None => (rustix::fs::fstat(&self.0)?, Mode::from_raw_mode(0o640)),
        };
        let (user, group) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
        // Only root can change the owner. For other users, the owner is right or cannot be changed.
        let _ = rustix::fs::fchown(file, Some(user), Some(group));
        // Follows the change of owner, which may clear bits of the mode.
        Ok(rustix::fs::fchmod(file, mode)?)
    }
}

impl OpenDirectory for Directory {
    fn is_link(&self, name: &OsStr) -> io::Result<bool> {
        let found = self.stat(name)?;
        Ok(found.is_some_and(|stat| kind(&stat) == FileType::Symlink))
    }

    /// Writes a temporary file in the directory and renames it to `name`.
    fn replace(&self, name: &OsStr, bytes: &[u8], access: NewAccess) -> io::Result<()> {
        let aside = aside_name()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let private = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.0, &aside, flags | OFlags::CLOEXEC, private)?;
        let mut file = File::from(file);
        let written = file
            .write_all(bytes)
            .and_then(|()| match access {
                NewAccess::Private => Ok(()),
                NewAccess::Readable => Ok(rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644))?),
                NewAccess::Inherited => self.inherit(name, &file),
            })
            .and_then(|()| file.sync_all())
            .and_then(|()| Ok(rustix::fs::renameat(&self.0, &aside, &self.0, name)?));
        if written.is_err() {
            // The first error is the one to report.
            let _ = rustix::fs::unlinkat(&self.0, &aside, AtFlags::empty());
        }
        written?;
        self.sync()
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) => self.sync(),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn aside_name() -> io::Result<OsString> {
    let mut random = [0; 8];
    rand::fill(&mut random).map_err(|_| io::Error::other("no random bytes to be had"))?;
    Ok(format!("{ASIDE}{}", HEXLOWER.encode(&random)).into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_is_private_or_like_the_one_before() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let directory = Directory::open(scratch.path()).unwrap();
        let replace = |name: &str, access| directory.replace(name.as_ref(), b"new", access);
        replace("private", NewAccess::Private).unwrap();
        replace("readable", NewAccess::Readable).unwrap();
        assert_eq!(mode(&at("readable")), 0o644);
        assert_eq!(mode(&at("private")), 0o600);
        replace("inherited", NewAccess::Inherited).unwrap();
        assert_eq!(mode(&at("inherited")), 0o640);
        fs::write(at("open"), "old").unwrap();
        fs::set_permissions(at("open"), fs::Permissions::from_mode(0o664)).unwrap();
        replace("open", NewAccess::Inherited).unwrap();
        assert_eq!(mode(&at("open")), 0o664);
        assert_eq!(fs::read(at("open")).unwrap(), b"new");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 4);
    }

    #[test]
    fn links_are_never_followed() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        fs::write(at("victim"), "untouched").unwrap();
        fs::set_permissions(at("victim"), fs::Permissions::from_mode(0o604)).unwrap();
        symlink(at("victim"), at("link")).unwrap();
        let directory = Directory::open(scratch.path()).unwrap();
        let name = OsStr::new("link");
        assert!(directory.is_link(name).unwrap() && !directory.is_link("victim".as_ref()).unwrap());
        let refused = directory.replace(name, b"new", NewAccess::Inherited);
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(directory.is_link(name).unwrap());
        directory.replace(name, b"new", NewAccess::Private).unwrap();
        assert!(!directory.is_link(name).unwrap());
        symlink(at("victim"), at("other link")).unwrap();
        directory.remove("other link".as_ref()).unwrap();
        directory.remove("no such name".as_ref()).unwrap();
        assert_eq!(fs::read(at("victim")).unwrap(), b"untouched");
        assert_eq!(mode(&at("victim")), 0o604);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing_behind() {
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir_all(scratch.path().join("taken/full")).unwrap();
        let directory = Directory::open(scratch.path()).unwrap();
        let taken = directory.replace("taken".as_ref(), b"new", NewAccess::Private);
        assert!(taken.is_err());
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
