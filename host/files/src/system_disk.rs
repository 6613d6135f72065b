//! The file systems of the operating system.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::access::Access;
use crate::directory::Directory;
use crate::disk::{Disk, FileLock, OpenDirectory};
use crate::error::ReadError;
use crate::list::{DirectoryId, Listing};
use crate::private;
use crate::read::{Content, Stamp, Survey};

/// The file systems of the operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn list(&self, path: &Path) -> Result<Listing, ReadError> {
        crate::list::list(path)
    }

    fn stamps(&self, path: &Path) -> Result<Vec<(OsString, Stamp)>, ReadError> {
        crate::list::stamps(path)
    }

    fn directory_id(&self, path: &Path) -> Result<DirectoryId, ReadError> {
        crate::list::directory_id(path)
    }

    fn survey(&self, path: &Path) -> Result<Survey, ReadError> {
        crate::read::survey(path)
    }

    fn read(&self, path: &Path, max_bytes: u64) -> Result<Content, ReadError> {
        crate::read::read(path, max_bytes)
    }

    fn access(&self, path: &Path) -> io::Result<Access> {
        fs::metadata(path).map(|metadata| Access::from(&metadata))
    }

    fn open_directory(&self, path: &Path) -> io::Result<Box<dyn OpenDirectory>> {
        Ok(Box::new(Directory::open(path)?))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        private::create_directory(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn write_private(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        private::write(path, bytes)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>> {
        Ok(Box::new(private::lock(path)?))
    }

    fn locked_time(&self, path: &Path) -> io::Result<Option<SystemTime>> {
        private::locked_time(path)
    }
}
