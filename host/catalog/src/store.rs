//! The versions of each policy that were good, kept on disk.
//!
//! ```text
//! DIRECTORY/lock                          locked by the host that uses the directory; its modification
//!                                         time says when `status.json` was last known to be true
//! DIRECTORY/status.json                   how every policy is doing
//! DIRECTORY/versions/NAME/GENERATION/NAME.wasm, NAME.toml, NAME.tests.toml, version.json
//! DIRECTORY/versions/NAME/retired         the policy was taken out of service on purpose
//! ```
//!
//! A version is written beside its place, synced and renamed into it, so it is whole or not there. Settings have password hashes in
//! them, so nobody but the host's user can read the directory. Every digest is checked when a version is read. A directory that other
//! users can write to, or that belongs to another user, is no source of versions: planted ones would serve.

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

use crate::content::{Content, Paths};
use crate::status::{ServingStatus, Status};

pub(crate) use version::{KeptVersion, Version, lineage, previous};

use version::{ABOUT, About};

const RETIRED: &str = "retired";
const LOCK: &str = "lock";

/// How often the lock is tried: `portcullis policy status` holds it for an instant.
const LOCK_ATTEMPTS: u32 = 4;
const LOCK_DELAY: Duration = Duration::from_millis(10);

/// Keeps good versions.
#[derive(Debug)]
pub(crate) struct Store {
    /// The state directory.
    root: PathBuf,
    directory: PathBuf,
    /// How many versions of a policy are kept, the one in service included.
    keep: usize,
    /// A user who is trusted besides root and this process's: for root's commands, the owner of the directory.
    owner: Option<u32>,
    /// Held while the process lives: two hosts in one directory would mix up their versions.
    lock: Option<File>,
}

impl Store {
    /// A store in `directory`, which is made when the first version is kept.
    pub(crate) fn new(directory: &Path, keep: usize) -> Self {
        Self {
            root: directory.to_owned(),
            directory: directory.join("versions"),
            keep: keep.max(1),
            owner: None,
            lock: None,
        }
    }

    /// The store that a host has in `directory`, for a command of an operator. Root may look at the store of any user.
    pub(crate) fn for_operator(directory: &Path) -> Self {
        let mut store = Self::new(directory, 1);
        if portcullis_files::is_root() {
            store.owner = Access::of(directory).ok().map(|access| access.owner);
        }
        store
    }

    /// Checks that the directory holds what its user wrote, if it is there.
    ///
    /// # Errors
    ///
    /// When other users can write to it, when it belongs to another user, and when it cannot be looked at.
    pub(crate) fn check(&self) -> io::Result<()> {
        match Access::of(&self.root) {
            Ok(access) => access.check(self.owner),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes the directory, and keeps other hosts out of it. To be called before anything is written; fails while another host is
    /// there. What an interrupted host left half written is removed.
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

    /// Notes that what `status.json` says is true now.
    pub(crate) fn confirm_status(&self) -> io::Result<()> {
        self.stamp(SystemTime::now())
    }

    /// Notes that `status.json` could not be written. Setting a time needs no space on a full disk.
    pub(crate) fn doubt_status(&self) {
        // If this fails too, the note grows old by itself.
        let _ = self.stamp(UNIX_EPOCH);
    }

    fn stamp(&self, time: SystemTime) -> io::Result<()> {
        self.lock
            .as_ref()
            .map_or(Ok(()), |lock| lock.set_modified(time))
    }

    /// Whether a host uses the directory, and since when it has not confirmed the status.
    ///
    /// # Errors
    ///
    /// When the lock cannot be looked at.
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

    /// Returns how a policy served last, as the host that used the directory wrote it.
    pub(crate) fn last_served(&self, name: &PolicyName) -> Option<ServingStatus> {
        let policies = Status::read(&self.root).ok()?.policies;
        let policy = policies
            .into_iter()
            .find(|policy| policy.name == name.as_str())?;
        policy.serving
    }

    /// The highest generation of any version kept; 0 if there is none.
    pub(crate) fn highest_generation(&self) -> u64 {
        let policies = entries(&self.directory).unwrap_or_default();
        let names = policies.iter().filter_map(|path| name_of(path));
        names
            .flat_map(|name| self.versions(&name).unwrap_or_default())
            .map(|kept| kept.version.generation)
            .max()
            .unwrap_or(0)
    }

    /// The versions kept of a policy, newest first. A version that is damaged or not trusted is left out.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read, or is not trusted.
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

    /// Whether the policy was taken out of service on purpose.
    pub(crate) fn is_retired(&self, name: &PolicyName) -> bool {
        self.directory.join(name.as_str()).join(RETIRED).exists()
    }

    /// Notes that the policy was taken out of service on purpose: its versions are kept and not put in service by themselves.
    pub(crate) fn retire(&self, name: &PolicyName) -> io::Result<()> {
        let directory = self.directory.join(name.as_str());
        if directory.exists() {
            write(&directory.join(RETIRED), b"")?;
        }
        Ok(())
    }

    /// Takes back that the policy was taken out of service.
    pub(crate) fn reinstate(&self, name: &PolicyName) -> io::Result<()> {
        match fs::remove_file(self.directory.join(name.as_str()).join(RETIRED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Keeps a version, in place of a damaged one of its number, and forgets those that are too many: first those that were gone back
    /// from, then the oldest.
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
                // Half a version would keep a full disk full. The first error says what went wrong.
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

    /// Removes what an interrupted host left half written.
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
    write(&paths.module, &content.module)?;
    if let Some(settings) = &content.settings {
        write(&paths.settings, settings)?;
    }
    if let Some(tests) = &content.tests {
        write(&paths.tests, tests)?;
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

/// Lists a directory; nothing if there is none.
fn all_entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    match portcullis_files::list(directory) {
        Ok(listing) => Ok(listing.entries),
        Err(portcullis_files::ReadError::Missing) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Lists a directory without what is unfinished: names with a dot in front.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = all_entries(directory)?;
    entries.retain(|path| !is_hidden(path));
    Ok(entries)
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

/// Removes a directory and what is in it, if it is there. Follows no links.
fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a directory that nobody else can read, and those above it.
fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that nobody else can read, and has it on disk before it returns.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private_file(path)?;
    file.set_len(0)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Opens a file for writing, and makes one that nobody else can read if there is none.
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

/// Names the file that could not be opened because it is something else than a file.
fn not_regular(path: &Path, error: io::Error) -> io::Error {
    let is_other = fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if !is_other {
        return error;
    }
    let name = path.file_name().unwrap_or_default().display();
    let reason = format!("`{name}` in it is not a regular file: remove it");
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
