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
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_core::PolicyName;
use portcullis_files::{Access, Directory, NewAccess};
use rustix::fs::OFlags;

use crate::content::Content;
use crate::paths::Paths;
use crate::status::{ServingStatus, Status};

pub(crate) use version::{KeptVersion, Version, lineage, previous};

use version::{ABOUT, About};

const RETIRED: &str = "retired";
const LOCK: &str = "lock";

/// Number of attempts to take the lock. `portcullis policy status` holds it for an instant.
const LOCK_ATTEMPTS: u32 = 4;
const LOCK_DELAY: Duration = Duration::from_millis(10);

/// The store of good versions.
#[derive(Debug)]
pub(crate) struct Store {
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
    lock: Option<File>,
}

impl Store {
    /// Returns a store in `directory`, which [`claim`](Self::claim) makes.
    pub(crate) fn new(directory: &Path, keep: usize) -> Self {
        Self {
            root: directory.to_owned(),
            directory: directory.join("versions"),
            keep: keep.max(1),
            owner: None,
            lock: None,
        }
    }

    /// Returns the store of a host in `directory`, for an operator's command. Root may read the
    /// store of any user.
    pub(crate) fn for_operator(directory: &Path) -> Self {
        let mut store = Self::new(directory, 1);
        if portcullis_files::is_root() {
            store.owner = Access::of(directory).ok().map(|access| access.owner);
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
        match Access::of(&self.root) {
            Ok(access) => access.check(self.owner),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes the directory, locks it against other hosts, and removes incomplete files of an
    /// interrupted host. The caller does this before any write. Fails while another host holds the
    /// lock.
    pub(crate) fn claim(&mut self) -> io::Result<()> {
        if self.lock.is_some() {
            return Ok(());
        }
        private_directory(&self.root)?;
        self.check()?;
        let file = private_file(&self.root.join(LOCK))?;
        lock(&file)?;
        self.lock = Some(file);
        self.sweep()
    }

    /// Writes the status.
    pub(crate) fn write_status(&self, status: &[u8]) -> io::Result<()> {
        let root = Directory::open(&self.root)?;
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
            .map_or(Ok(()), |lock| lock.set_modified(time))
    }

    /// Returns the time of the last confirmation of the status. `None` if no host uses the
    /// directory.
    ///
    /// # Errors
    ///
    /// Fails if the lock cannot be read.
    pub(crate) fn host(directory: &Path) -> io::Result<Option<SystemTime>> {
        let file = match open(&directory.join(LOCK), OpenOptions::new().read(true)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => file.metadata()?.modified().map(Some),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns the last serving state of a policy, as the host that used the directory wrote it.
    pub(crate) fn last_served(&self, name: &PolicyName) -> Option<ServingStatus> {
        let policies = Status::read(&self.root).ok()?.policies;
        let policy = policies
            .into_iter()
            .find(|policy| policy.name == name.as_str())?;
        policy.serving
    }

    /// Returns the highest generation of the stored versions; 0 if no version is stored.
    pub(crate) fn highest_generation(&self) -> u64 {
        let policies = entries(&self.directory).unwrap_or_default();
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
            match Access::of(directory) {
                Ok(access) => access.check(self.owner)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
        let mut versions: Vec<_> = entries(&policy)?
            .iter()
            .filter_map(|path| KeptVersion::read(path, self.owner))
            .collect();
        versions.sort_by_key(|kept| std::cmp::Reverse(kept.version.generation));
        Ok(versions)
    }

    /// Returns whether the policy was taken out of service on purpose.
    pub(crate) fn is_retired(&self, name: &PolicyName) -> bool {
        self.directory.join(name.as_str()).join(RETIRED).exists()
    }

    /// Records that the policy was taken out of service on purpose. The host keeps the versions,
    /// and does not restore them by itself.
    pub(crate) fn retire(&self, name: &PolicyName) -> io::Result<()> {
        let directory = self.directory.join(name.as_str());
        if directory.exists() {
            write(&directory.join(RETIRED), b"")?;
        }
        Ok(())
    }

    /// Removes the record that the policy was taken out of service.
    pub(crate) fn reinstate(&self, name: &PolicyName) -> io::Result<()> {
        match fs::remove_file(self.directory.join(name.as_str()).join(RETIRED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
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
        private_directory(&policy)?;
        let aside = policy.join(format!(".{}", version.generation));
        let place = policy.join(version.generation.to_string());
        remove_directory(&aside)?;
        write_version(&aside, name, version, content)
            .and_then(|()| remove_directory(&place))
            .and_then(|()| fs::rename(&aside, &place))
            .inspect_err(|_| {
                // Half a version would keep a full disk full. The first error is the informative
                // one.
                let _ = remove_directory(&aside);
            })?;
        File::open(&policy)?.sync_all()?;
        self.reinstate(name)?;
        let versions = self.versions(name)?;
        for kept in lineage(&versions, version.generation)
            .into_iter()
            .skip(self.keep)
        {
            remove_directory(&kept.directory)?;
        }
        Ok(())
    }

    /// Removes incomplete files of an interrupted host.
    fn sweep(&self) -> io::Result<()> {
        for path in all_entries(&self.root)? {
            if path.file_name().is_some_and(Directory::is_aside) {
                fs::remove_file(path)?;
            }
        }
        for policy in entries(&self.directory)? {
            for path in all_entries(&policy)? {
                if is_hidden(&path) && path.is_dir() {
                    remove_directory(&path)?;
                }
            }
        }
        Ok(())
    }
}

fn lock(file: &File) -> io::Result<()> {
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::park_timeout(LOCK_DELAY),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::ResourceBusy,
        "another host uses it; name one of its own as `state-directory` under [policies]",
    ))
}

fn write_version(
    directory: &Path,
    name: &PolicyName,
    version: Version,
    content: &Content,
) -> io::Result<()> {
    private_directory(directory)?;
    let paths = Paths::new(directory, name);
    for (path, bytes) in content.files(&paths) {
        if let Some(bytes) = bytes {
            write(path, bytes)?;
        }
    }
    write(
        &directory.join(ABOUT),
        &serde_json::to_vec(&About::from(version))?,
    )?;
    File::open(directory)?.sync_all()
}

fn name_of(path: &Path) -> Option<PolicyName> {
    path.file_name()?.to_str()?.parse().ok()
}

/// Lists a directory. Returns an empty list if the directory does not exist.
fn all_entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    match portcullis_files::list(directory) {
        Ok(listing) => Ok(listing.entries),
        Err(portcullis_files::ReadError::Missing) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Lists a directory without incomplete entries, whose names begin with a dot.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = all_entries(directory)?;
    entries.retain(|path| !is_hidden(path));
    Ok(entries)
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

/// Removes a directory and its content, if it exists. Follows no links.
fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a directory and its parents, readable by the host's user only.
fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only the host's user can read, and syncs it to disk.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private_file(path)?;
    file.set_len(0)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Opens a file for writing. Makes a missing one, readable by the host's user only.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    open(path, &mut options)
}

/// Opens a regular file. Follows no link, and does not wait for the other end of a FIFO.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| not_regular(path, error))?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        let kind = io::ErrorKind::InvalidInput;
        Err(not_regular(path, io::Error::from(kind)))
    }
}

/// Returns an error that names the file, if the path is not a regular file; `error` otherwise.
fn not_regular(path: &Path, error: io::Error) -> io::Error {
    let is_other = fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if !is_other {
        return error;
    }
    let name = path.file_name().unwrap_or_default().display();
    let reason = format!("`{name}` in it is not a regular file: remove it");
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
