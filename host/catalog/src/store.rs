//! The versions of each policy that were good, kept on disk.
//!
//! ```text
//! DIRECTORY/lock                          held by the host that uses the directory
//! DIRECTORY/status.json                   how every policy is doing
//! DIRECTORY/versions/NAME/GENERATION/NAME.wasm, NAME.toml, NAME.tests.toml, version.json
//! DIRECTORY/versions/NAME/retired         the policy was taken out of service on purpose
//! ```
//!
//! A version is written beside its place, synced and renamed into it, so it is whole or not there. Settings have password hashes in
//! them, so nobody but the host's user can read the directory. Every digest is checked when a version is read.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use portcullis_core::{Digest, PolicyName};
use serde::{Deserialize, Serialize};

use crate::directory::{self, Content, Fingerprint, Paths, Unit};
use crate::status::Status;

const ABOUT: &str = "version.json";
const RETIRED: &str = "retired";
const LOCK: &str = "lock";

/// Keeps good versions.
#[derive(Debug)]
pub(crate) struct Store {
    /// The state directory.
    root: PathBuf,
    directory: PathBuf,
    /// How many versions of a policy are kept, the one in service included.
    keep: usize,
    /// Held while the process lives: two hosts in one directory would mix up their versions.
    lock: Option<File>,
}

/// One good version of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Its number in the sequence of reloads.
    pub(crate) generation: u64,
    /// When it was put in service first, in seconds since the Unix epoch.
    pub(crate) since: u64,
    pub(crate) fingerprint: Fingerprint,
}

/// A version, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptVersion {
    pub(crate) version: Version,
    directory: PathBuf,
}

/// `version.json`.
#[derive(Debug, Deserialize, Serialize)]
struct About {
    generation: u64,
    since: u64,
    module: String,
    settings: Option<String>,
    tests: Option<String>,
}

impl Store {
    /// A store in `directory`, which is made when the first version is kept.
    pub(crate) fn new(directory: &Path, keep: usize) -> Self {
        Self {
            root: directory.to_owned(),
            directory: directory.join("versions"),
            keep: keep.max(1),
            lock: None,
        }
    }

    /// Makes the directory, and keeps other hosts out of it. To be called before anything is written; fails while another host is
    /// there.
    pub(crate) fn claim(&mut self) -> io::Result<()> {
        if self.lock.is_some() {
            return Ok(());
        }
        private_directory(&self.root)?;
        let file = private_file(&self.root.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => {
                self.lock = Some(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another host uses it; name one of its own as `state-directory` under [policies]",
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Writes the status.
    pub(crate) fn write_status(&self, status: &[u8]) -> io::Result<()> {
        replace(&self.root.join(Status::FILE), status)
    }

    /// The highest generation of any version kept; 0 if there is none.
    pub(crate) fn highest_generation(&self) -> u64 {
        let policies = entries(&self.directory);
        let names = policies.iter().filter_map(|path| name_of(path));
        names
            .flat_map(|name| self.versions(&name))
            .map(|kept| kept.version.generation)
            .max()
            .unwrap_or(0)
    }

    /// The versions kept of a policy, newest first. What cannot be read is left out.
    pub(crate) fn versions(&self, name: &PolicyName) -> Vec<KeptVersion> {
        let mut versions: Vec<_> = entries(&self.directory.join(name.as_str()))
            .iter()
            .filter_map(|path| KeptVersion::read(path))
            .collect();
        versions.sort_by_key(|kept| std::cmp::Reverse(kept.version.generation));
        versions
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

    /// Keeps a version and forgets those that are too many.
    pub(crate) fn keep(
        &self,
        name: &PolicyName,
        version: Version,
        content: &Content,
    ) -> io::Result<()> {
        let Version {
            generation,
            since,
            fingerprint,
        } = version;
        let policy = self.directory.join(name.as_str());
        private_directory(&policy)?;
        let aside = policy.join(format!(".{generation}"));
        if aside.exists() {
            fs::remove_dir_all(&aside)?;
        }
        private_directory(&aside)?;
        let paths = Paths::new(&aside, name);
        write(&paths.module, &content.module)?;
        if let Some(settings) = &content.settings {
            write(&paths.settings, settings)?;
        }
        if let Some(tests) = &content.tests {
            write(&paths.tests, tests)?;
        }
        let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
        let about = About {
            generation,
            since,
            module: fingerprint.module.to_string(),
            settings: digest(fingerprint.settings),
            tests: digest(fingerprint.tests),
        };
        write(&aside.join(ABOUT), &serde_json::to_vec(&about)?)?;
        File::open(&aside)?.sync_all()?;
        fs::rename(&aside, policy.join(generation.to_string()))?;
        File::open(&policy)?.sync_all()?;
        self.reinstate(name)?;
        for kept in self.versions(name).into_iter().skip(self.keep) {
            fs::remove_dir_all(&kept.directory)?;
        }
        Ok(())
    }
}

impl KeptVersion {
    fn read(directory: &Path) -> Option<Self> {
        let about: About = serde_json::from_slice(&fs::read(directory.join(ABOUT)).ok()?).ok()?;
        let named = directory.file_name()?.to_str()?;
        if named != about.generation.to_string() {
            return None;
        }
        let digest = |text: Option<String>| match text {
            Some(text) => text.parse::<Digest>().map(Some),
            None => Ok(None),
        };
        let fingerprint = Fingerprint {
            module: about.module.parse().ok()?,
            settings: digest(about.settings).ok()?,
            tests: digest(about.tests).ok()?,
        };
        let version = Version {
            generation: about.generation,
            since: about.since,
            fingerprint,
        };
        Some(Self {
            version,
            directory: directory.to_owned(),
        })
    }

    /// The version's files, if they are what was kept.
    pub(crate) fn unit(&self, name: &PolicyName, max_module: u64) -> io::Result<Unit> {
        let unit = directory::read_unit(Paths::new(&self.directory, name), max_module);
        match &unit.content {
            Ok(content) if content.fingerprint == self.version.fingerprint => Ok(unit),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its files are not the ones that were kept",
            )),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }
}

fn name_of(path: &Path) -> Option<PolicyName> {
    path.file_name()?.to_str()?.parse().ok()
}

/// What lies in a directory; nothing if it cannot be read. Names with a dot in front are unfinished.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| !name.to_string_lossy().starts_with('.'))
        })
        .collect()
}

/// Makes a directory that nobody else can read, and those above it.
fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that nobody else can read, and has it on disk before it returns.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private_file(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Replaces a private file in one step.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, bytes, |_| Ok(()))
}

/// Replaces a file of somebody's in one step; its owner and its mode stay as they are.
pub(crate) fn replace_in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, bytes, |aside| keep_owner(path, aside))
}

/// Writes a file beside its place, lets `finish` see it there, and renames it into place.
fn put(path: &Path, bytes: &[u8], finish: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    write(&aside, bytes)
        .and_then(|()| finish(&aside))
        .and_then(|()| fs::rename(&aside, path))
        .inspect_err(|_| {
            // What is left of it is of no use; the first error says what went wrong.
            let _ = fs::remove_file(&aside);
        })
}

/// Gives `aside` the owner and the mode of the file it is to replace, else those of the directory: whoever rolls back may be
/// somebody else than the host, which has to read it.
fn keep_owner(path: &Path, aside: &Path) -> io::Result<()> {
    let file = fs::metadata(path);
    let mode = file.as_ref().map_or(0o640, |file| file.mode() & 0o777);
    let owner = file.ok().or_else(|| fs::metadata(path.parent()?).ok());
    fs::set_permissions(aside, fs::Permissions::from_mode(mode))?;
    if let Some(owner) = owner {
        // Only root can give files away; for anybody else the owner is right or cannot be helped.
        let _ = std::os::unix::fs::chown(aside, Some(owner.uid()), Some(owner.gid()));
    }
    Ok(())
}
