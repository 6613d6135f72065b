//! The files and directories of a disk in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::access::Access;
use crate::error::{FileKind, ReadError};
use crate::list::Listing;
use crate::read::{Content, Stamp, Survey};

/// Every file and directory, by its path. The root always exists.
#[derive(Default)]
pub(super) struct Nodes {
    by_path: BTreeMap<PathBuf, Node>,
    locked: BTreeSet<u64>,
    /// Maximum total size of all files, in bytes. `None` sets no limit.
    pub(super) capacity: Option<u64>,
    /// Number of the last change, which is also the highest inode.
    changes: u64,
}

struct Node {
    inode: u64,
    mode: u32,
    /// Number of the last change of the content.
    changed: u64,
    /// Modification time, where a lock has set one.
    modified: SystemTime,
    /// Bytes of a file. `None` for a directory.
    bytes: Option<Vec<u8>>,
}

impl Node {
    fn len(&self) -> u64 {
        let length = self.bytes.as_ref().map_or(0, Vec::len);
        u64::try_from(length).unwrap_or(u64::MAX)
    }

    fn access(&self) -> Access {
        Access {
            owner: rustix::process::geteuid().as_raw(),
            mode: self.mode,
        }
    }

    fn stamp(&self) -> Stamp {
        let changed = i64::try_from(self.changed).unwrap_or(i64::MAX);
        Stamp {
            device: 0,
            inode: self.inode,
            size: self.len(),
            modified: (changed, 0),
            changed: (changed, 0),
        }
    }
}

impl Nodes {
    pub(super) fn put(&mut self, path: &Path, bytes: &[u8]) {
        if let Some(parent) = path.parent() {
            self.make_directories(parent);
        }
        self.set(path, bytes.to_vec(), 0o644);
    }

    pub(super) fn make_directories(&mut self, path: &Path) {
        for place in path.ancestors() {
            if !self.by_path.contains_key(place) {
                self.add(place, 0o700, None);
            }
        }
    }

    pub(super) fn remove_tree(&mut self, path: &Path) {
        self.by_path.retain(|place, _| !place.starts_with(path));
    }

    /// Removes the last half of a directory's content.
    pub(super) fn remove_half(&mut self, path: &Path) {
        let within = self.by_path.keys();
        let within = within.filter(|place| place.starts_with(path) && *place != path);
        let within: Vec<_> = within.cloned().collect();
        for place in within.iter().skip(within.len() / 2) {
            self.remove_tree(place);
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.by_path.values().map(Node::len).sum()
    }

    pub(super) fn list(&self, path: &Path) -> Result<Listing, ReadError> {
        self.directory(path)?;
        let entries = self.by_path.keys();
        let entries = entries.filter(|place| place.parent() == Some(path));
        Ok(Listing {
            entries: entries.cloned().collect(),
            access: self.access(path)?,
            read_only: false,
        })
    }

    pub(super) fn stamps(&self, path: &Path) -> Result<Vec<(OsString, Stamp)>, ReadError> {
        self.directory(path)?;
        let within = self.by_path.iter();
        let within = within.filter(|(place, _)| place.parent() == Some(path));
        let stamps = within.filter_map(|(place, node)| {
            let name = place.file_name()?.to_owned();
            Some((name, node.stamp()))
        });
        Ok(stamps.collect())
    }

    /// Returns the inode of a directory.
    pub(super) fn directory(&self, path: &Path) -> io::Result<u64> {
        let node = self.node(path)?;
        if node.bytes.is_some() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(node.inode)
    }

    pub(super) fn access(&self, path: &Path) -> io::Result<Access> {
        self.node(path).map(Node::access)
    }

    pub(super) fn survey(&self, path: &Path) -> Result<Survey, ReadError> {
        let node = self.node(path)?;
        if node.bytes.is_none() {
            return Err(ReadError::NotAFile(FileKind::Directory));
        }
        Ok(Survey {
            size: node.len(),
            stamp: node.stamp(),
            owner: node.access().owner,
            names: 1,
            link: None,
        })
    }

    pub(super) fn read(&self, path: &Path, max_bytes: u64) -> Result<Content, ReadError> {
        let node = self.node(path)?;
        let Some(bytes) = &node.bytes else {
            return Err(ReadError::NotAFile(FileKind::Directory));
        };
        if node.len() > max_bytes {
            return Err(ReadError::TooLarge { limit: max_bytes });
        }
        Ok(Content {
            bytes: bytes.clone(),
            stamp: node.stamp(),
            access: node.access(),
        })
    }

    pub(super) fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        for place in path.ancestors() {
            let file = self.by_path.get(place).is_some_and(|it| it.bytes.is_some());
            if file && place == path {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if file {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        self.make_directories(path);
        Ok(())
    }

    pub(super) fn remove_directory(&mut self, path: &Path) -> io::Result<()> {
        match self.directory(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => {
                self.remove_tree(path);
                Ok(())
            }
        }
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let is_file = self.node(from)?.bytes.is_some();
        self.parent(to)?;
        match self.by_path.get(to).map(|there| there.bytes.is_some()) {
            Some(false) if is_file => return Err(io::ErrorKind::IsADirectory.into()),
            Some(true) if !is_file => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        let mut entries = self.by_path.keys();
        if entries.any(|place| place.parent() == Some(to)) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let moved = self.by_path.keys().filter(|place| place.starts_with(from));
        for place in moved.cloned().collect::<Vec<_>>() {
            // A path that begins with `from` has a rest.
            let rest = place.strip_prefix(from).unwrap_or(Path::new(""));
            let target = if rest.as_os_str().is_empty() {
                to.to_owned()
            } else {
                to.join(rest)
            };
            if let Some(node) = self.by_path.remove(&place) {
                self.by_path.insert(target, node);
            }
        }
        Ok(())
    }

    /// Writes a file in place. If the disk is too small, the file holds the bytes that fit.
    pub(super) fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.regular_or_absent(path)?;
        self.set(path, Vec::new(), 0o600);
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX);
        let fits = bytes.get(..room).unwrap_or(bytes);
        self.set(path, fits.to_vec(), 0o600);
        if fits.len() < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Replaces a file. If the disk is too small for both contents, the old one stays.
    pub(super) fn replace(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.file_or_absent(path)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > self.room()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.by_path.remove(path);
        self.set(path, bytes.to_vec(), 0o600);
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.file_or_absent(path)?;
        self.by_path.remove(path);
        Ok(())
    }

    /// Locks a file and returns its inode.
    pub(super) fn lock(&mut self, path: &Path) -> io::Result<u64> {
        self.regular_or_absent(path)?;
        if !self.by_path.contains_key(path) {
            self.set(path, Vec::new(), 0o600);
        }
        let inode = self.node(path)?.inode;
        if !self.locked.insert(inode) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        Ok(inode)
    }

    pub(super) fn unlock(&mut self, inode: u64) {
        self.locked.remove(&inode);
    }

    pub(super) fn locked_time(&self, path: &Path) -> Option<SystemTime> {
        let node = self.by_path.get(path)?;
        let locked = self.locked.contains(&node.inode);
        locked.then_some(node.modified)
    }

    pub(super) fn set_time(&mut self, inode: u64, time: SystemTime) {
        let mut nodes = self.by_path.values_mut();
        if let Some(node) = nodes.find(|node| node.inode == inode) {
            node.modified = time;
        }
    }

    /// Returns the path of the directory with this inode. `None` if it was removed.
    pub(super) fn place(&self, inode: u64) -> Option<PathBuf> {
        let mut nodes = self.by_path.iter();
        let (place, _) = nodes.find(|(_, node)| node.inode == inode)?;
        Some(place.clone())
    }

    fn node(&self, path: &Path) -> io::Result<&Node> {
        self.by_path.get(path).ok_or_else(|| {
            let mut above = path.ancestors().filter_map(|place| self.by_path.get(place));
            let kind = match above.next() {
                Some(node) if node.bytes.is_some() => io::ErrorKind::NotADirectory,
                _ => io::ErrorKind::NotFound,
            };
            kind.into()
        })
    }

    /// Checks that the directory of `path` exists.
    fn parent(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) => self.directory(parent).map(drop),
            None => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn file_or_absent(&self, path: &Path) -> io::Result<()> {
        self.parent(path)?;
        let present = self.by_path.get(path);
        if present.is_some_and(|node| node.bytes.is_none()) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(())
    }

    /// Checks a path like [`file_or_absent`](Self::file_or_absent), for a file that is opened. The
    /// system's disk refuses everything else but a regular file there.
    fn regular_or_absent(&self, path: &Path) -> io::Result<()> {
        let checked = self.file_or_absent(path);
        checked.map_err(|error| match error.kind() {
            io::ErrorKind::IsADirectory => io::ErrorKind::InvalidInput.into(),
            _ => error,
        })
    }

    fn room(&self) -> u64 {
        let capacity = self.capacity.unwrap_or(u64::MAX);
        capacity.saturating_sub(self.used())
    }

    /// Sets the content of a file, which keeps its inode if it exists.
    fn set(&mut self, path: &Path, bytes: Vec<u8>, mode: u32) {
        self.changes = self.changes.saturating_add(1);
        let changes = self.changes;
        match self.by_path.get_mut(path) {
            Some(node) => (node.bytes, node.changed) = (Some(bytes), changes),
            None => self.add(path, mode, Some(bytes)),
        }
    }

    fn add(&mut self, path: &Path, mode: u32, bytes: Option<Vec<u8>>) {
        self.changes = self.changes.saturating_add(1);
        let node = Node {
            inode: self.changes,
            mode,
            changed: self.changes,
            modified: UNIX_EPOCH,
            bytes,
        };
        self.by_path.insert(path.to_owned(), node);
    }
}
