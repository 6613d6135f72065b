//! The good versions of each policy, stored on disk.
//!
//! ```text
//! DIRECTORY/lock                          locked by the host that uses the directory; its
//!                                         modification time says when `status.json` was last known
//!                                         to be true
//! DIRECTORY/status.json                   the state of every policy
//! DIRECTORY/versions/NAME/GENERATION/     NAME.wasm and its other files, version.json
//! DIRECTORY/versions/NAME/retired         the policy was taken out of service on purpose
//! ```
//!
//! The host writes a version to a temporary directory next to its place, syncs it and renames it. A
//! version is therefore complete or absent. Settings contain password hashes, so only the host's
//! user can read the directory. The host checks every digest when it reads a version.
//!
//! The host takes no versions from a directory that other users can write to, or that belongs to
//! another user. Another user could have planted a version there.

mod version;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_core::PolicyName;
use portcullis_files::{Disk, FileKind, FileLock, NewAccess, ReadError, is_temporary};

use crate::content::Content;
use crate::paths::Paths;
use crate::status::{ServingStatus, Status};

pub(crate) use version::{KeptVersion, Version, lineage, previous};

use version::{ABOUT, About};

const RETIRED: &str = "retired";
const LOCK: &str = "lock";

/// The store of good versions.
#[derive(Debug)]
pub(crate) struct Store {
    disk: Arc<dyn Disk>,
    /// The state directory.
    root: PathBuf,
    directory: PathBuf,
    /// Maximum number of stored versions of a policy, including the one in service.
    keep: usize,
    /// A user whose files are trusted as well as those of root and of this process's user. For
    /// root's commands, this is the owner of the directory.
    owner: Option<u32>,
    /// The lock on the directory, held while the process lives. Two hosts in one directory would
    /// mix up their versions.
    lock: Option<Box<dyn FileLock>>,
}

impl Store {
    /// Returns a store in `directory`, which [`claim`](Self::claim) makes.
    pub(crate) fn new(disk: &Arc<dyn Disk>, directory: &Path, keep: usize) -> Self {
        Self {
            disk: Arc::clone(disk),
            root: directory.to_owned(),
            directory: directory.join("versions"),
            keep: keep.max(1),
            owner: None,
            lock: None,
        }
    }

    /// Returns the store of a host in `directory`, for an operator's command. Root may read the
    /// store of any user.
    pub(crate) fn for_operator(disk: &Arc<dyn Disk>, directory: &Path) -> Self {
        let mut store = Self::new(disk, directory, 1);
        if portcullis_files::is_root() {
            store.owner = disk.access(directory).ok().map(|access| access.owner);
        }
        store
    }

    /// Checks that only trusted users can have written to the directory. A missing directory
    /// passes.
    ///
    /// # Errors
    ///
    /// Fails if other users can write to the directory, if it belongs to another user, or if it
    /// cannot be read.
    pub(crate) fn check(&self) -> io::Result<()> {
        match self.disk.access(&self.root) {
            Ok(access) => access.check(self.owner),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes the directory, locks it against other hosts, and removes incomplete files of an
    /// interrupted host. The caller does this before any write. Fails while another host holds the
    /// lock. Returns whether the lock is new: it is so at first, and after another process has
    /// removed the directory.
    pub(crate) fn claim(&mut self) -> io::Result<bool> {
        if self.lock.is_some() && self.disk.locked_time(&self.root.join(LOCK))?.is_some() {
            return Ok(false);
        }
        self.lock = None;
        self.disk.create_directory(&self.root)?;
        self.check()?;
        let lock = self.disk.lock(&self.root.join(LOCK));
        self.lock = Some(lock.map_err(|error| match error.kind() {
            io::ErrorKind::ResourceBusy => io::Error::new(
                error.kind(),
                "another host uses it; name one of its own as `state-directory` under [policies]",
            ),
            _ => error,
        })?);
        self.sweep()?;
        Ok(true)
    }

    /// Writes the status.
    pub(crate) fn write_status(&self, status: &[u8]) -> io::Result<()> {
        let root = self.disk.open_directory(&self.root)?;
        root.replace(OsStr::new(Status::FILE), status, NewAccess::Private)
    }

    /// Records that `status.json` is true at `now`.
    pub(crate) fn confirm_status(&self, now: SystemTime) -> io::Result<()> {
        self.stamp(now)
    }

    /// Records that `status.json` could not be written. Setting a time needs no space on a full
    /// disk.
    pub(crate) fn doubt_status(&self) {
        // If this fails too, the recorded time becomes too old.
        let _ = self.stamp(UNIX_EPOCH);
    }

    fn stamp(&self, time: SystemTime) -> io::Result<()> {
        self.lock
            .as_ref()
            .map_or(Ok(()), |lock| lock.set_time(time))
    }

    /// Returns the last serving state of a policy, as the host that used the directory wrote it.
    pub(crate) fn last_served(&self, name: &PolicyName) -> Option<ServingStatus> {
        let policies = Status::read_from(&*self.disk, &self.root).ok()?.policies;
        let policy = policies
            .into_iter()
            .find(|policy| policy.name == name.as_str())?;
        policy.serving
    }

    /// Returns the highest generation of the stored versions; 0 if no version is stored.
    pub(crate) fn highest_generation(&self) -> u64 {
        let policies = self.entries(&self.directory).unwrap_or_default();
        let names = policies.iter().filter_map(|path| name_of(path));
        names
            .flat_map(|name| self.versions(&name).unwrap_or_default())
            .map(|kept| kept.version.generation)
            .max()
            .unwrap_or(0)
    }

    /// Returns the stored versions of a policy, newest first. Skips damaged and untrusted versions.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be read or is not trusted.
    pub(crate) fn versions(&self, name: &PolicyName) -> io::Result<Vec<KeptVersion>> {
        self.check()?;
        let policy = self.directory.join(name.as_str());
        for directory in [&self.directory, &policy] {
            match self.disk.access(directory) {
                Ok(access) => access.check(self.owner)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
        let entries = self.entries(&policy)?;
        let mut versions: Vec<_> = entries
            .iter()
            .filter_map(|path| KeptVersion::read(&*self.disk, path, self.owner))
            .collect();
        versions.sort_by_key(|kept| std::cmp::Reverse(kept.version.generation));
        Ok(versions)
    }

    /// Returns whether the policy was taken out of service on purpose.
    pub(crate) fn is_retired(&self, name: &PolicyName) -> bool {
        let record = self.directory.join(name.as_str()).join(RETIRED);
        self.disk.access(&record).is_ok()
    }

    /// Records that the policy was taken out of service on purpose. The host keeps the versions,
    /// and does not restore them by itself.
    pub(crate) fn retire(&self, name: &PolicyName) -> io::Result<()> {
        let directory = self.directory.join(name.as_str());
        if self.disk.access(&directory).is_err() {
            return Ok(());
        }
        self.disk.write_private(&directory.join(RETIRED), b"")
    }

    /// Removes the record that the policy was taken out of service.
    pub(crate) fn reinstate(&self, name: &PolicyName) -> io::Result<()> {
        let policy = self.directory.join(name.as_str());
        match self.disk.open_directory(&policy) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => opened?.remove(OsStr::new(RETIRED)),
        }
    }

    /// Stores a version, and replaces a damaged one of the same generation. Removes versions beyond
    /// the maximum: first those that the operator rolled back from, then the oldest.
    pub(crate) fn keep(
        &self,
        name: &PolicyName,
        version: Version,
        content: &Content,
    ) -> io::Result<()> {
        let policy = self.directory.join(name.as_str());
        let disk = &*self.disk;
        disk.create_directory(&policy)?;
        let aside = policy.join(format!(".{}", version.generation));
        let place = policy.join(version.generation.to_string());
        disk.remove_directory(&aside)?;
        self.write_version(&aside, name, version, content)
            .and_then(|()| self.discard(&place))
            .and_then(|()| disk.rename(&aside, &place))
            .inspect_err(|_| {
                // Half a version would keep a full disk full. The first error is the informative
                // one.
                let _ = disk.remove_directory(&aside);
            })?;
        disk.open_directory(&policy)?.sync()?;
        self.reinstate(name)?;
        let versions = self.versions(name)?;
        for kept in lineage(&versions, version.generation)
            .into_iter()
            .skip(self.keep)
        {
            self.discard(&kept.directory)?;
        }
        Ok(())
    }

    /// Removes the directory of a version, if it exists.
    fn discard(&self, version: &Path) -> io::Result<()> {
        if let Err(error) = self.disk.list(version) {
            return match error {
                ReadError::Missing => Ok(()),
                error => Err(error.into()),
            };
        }
        // If the host dies during the removal, the next start finds a hidden directory and removes
        // the rest. Without `version.json`, the rest would otherwise stay for good.
        let name = version.file_name().unwrap_or_default().display();
        let aside = version.with_file_name(format!(".{name}.old"));
        self.disk.remove_directory(&aside)?;
        self.disk.rename(version, &aside)?;
        self.disk.remove_directory(&aside)
    }

    fn write_version(
        &self,
        directory: &Path,
        name: &PolicyName,
        version: Version,
        content: &Content,
    ) -> io::Result<()> {
        let disk = &*self.disk;
        disk.create_directory(directory)?;
        let paths = Paths::new(directory, name);
        for (path, bytes) in content.files(&paths) {
            if let Some(bytes) = bytes {
                disk.write_private(path, bytes)?;
            }
        }
        let about = serde_json::to_vec(&About::from(version))?;
        disk.write_private(&directory.join(ABOUT), &about)?;
        disk.open_directory(directory)?.sync()
    }

    /// Removes incomplete files of an interrupted host.
    fn sweep(&self) -> io::Result<()> {
        for path in self.all_entries(&self.root)? {
            if path.file_name().is_some_and(is_temporary) {
                let (root, name) = self.disk.open_parent(&path)?;
                root.remove(name)?;
            }
        }
        for policy in self.entries(&self.directory)? {
            for path in self.all_entries(&policy)? {
                if is_hidden(&path) && self.is_directory(&path) {
                    self.disk.remove_directory(&path)?;
                }
            }
        }
        Ok(())
    }

    fn is_directory(&self, path: &Path) -> bool {
        let surveyed = self.disk.survey(path);
        matches!(surveyed, Err(ReadError::NotAFile(FileKind::Directory)))
    }

    /// Lists a directory. Returns an empty list if the directory does not exist.
    fn all_entries(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        match self.disk.list(directory) {
            Ok(listing) => Ok(listing.entries),
            Err(ReadError::Missing) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Lists a directory without incomplete entries, whose names begin with a dot.
    fn entries(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let mut entries = self.all_entries(directory)?;
        entries.retain(|path| !is_hidden(path));
        Ok(entries)
    }
}

/// Returns the time of the last confirmation of the status in `directory`. `None` if no host uses
/// the directory.
///
/// # Errors
///
/// Fails if the lock cannot be read.
pub(crate) fn host(disk: &dyn Disk, directory: &Path) -> io::Result<Option<SystemTime>> {
    disk.locked_time(&directory.join(LOCK))
}

fn name_of(path: &Path) -> Option<PolicyName> {
    path.file_name()?.to_str()?.parse().ok()
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests;
