//! A directory that only this process's user can access.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use portcullis_files::{Disk as _, NewAccess, SystemDisk};

/// A directory that only this user could access when it was opened.
#[derive(Debug)]
pub(super) struct PrivateDirectory {
    path: PathBuf,
    /// User id of the files that this process creates.
    user: u32,
}

/// Mode bits that give other users access.
const OTHERS: u32 = 0o077;

/// Size of a secret, in bytes.
const SECRET: usize = 32;

impl PrivateDirectory {
    /// Opens the directory, and creates it if it is missing. Fails if it belongs to another user,
    /// or if other users can read or write it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        SystemDisk.create_directory(path)?;
        let about = fs::symlink_metadata(path)?;
        if !about.is_dir() {
            return Err(refused("it is no directory, or a link to one"));
        }
        if about.mode() & OTHERS != 0 {
            return Err(refused(format!(
                "others can use it (mode {:o}): run `chmod 700` on it, and empty it if others may have written to it",
                about.permissions().mode() & 0o777
            )));
        }
        // The owner of a new file is the user of this process as this file system sees it.
        let probe = unique_name()?;
        replace(path, &probe, &[])?;
        let probe = path.join(probe);
        let user = fs::symlink_metadata(&probe).map(|about| about.uid());
        fs::remove_file(probe)?;
        let user = user?;
        if about.uid() != user {
            return Err(refused(format!(
                "it belongs to user {}, and this host runs as user {user}",
                about.uid()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            user,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the secret in a file. Generates one if the file is missing or cannot be trusted.
    pub(super) fn secret(&self, name: &str) -> io::Result<[u8; SECRET]> {
        let path = self.path.join(name);
        let present = self.read_secret(&path);
        let missing = match present {
            Ok(secret) => return Ok(secret),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => {
                tracing::warn!(
                    file = %path.display(),
                    error = %error,
                    "key of the compiled code is not usable: there is a new one, and what was kept is compiled again"
                );
                false
            }
        };
        let secret: [u8; SECRET] = random()?;
        if missing {
            self.create(&path, &secret)?;
        } else {
            self.replace(name, &secret)?;
        }
        // Another process may have created the file first, so the secret in the file counts.
        self.read_secret(&path)
    }

    fn read_secret(&self, path: &Path) -> io::Result<[u8; SECRET]> {
        let about = fs::symlink_metadata(path)?;
        if !about.is_file() || about.uid() != self.user || about.mode() & OTHERS != 0 {
            return Err(refused("it is not a file of this user's alone"));
        }
        // Reads one byte more than a secret has, so that a longer file is rejected.
        portcullis_files::read(path, SECRET as u64 + 1)?
            .bytes
            .try_into()
            .map_err(|_| refused(format!("it does not hold {SECRET} bytes")))
    }

    /// Creates a private file atomically, unless it exists.
    fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let aside = unique_name()?;
        self.replace(&aside, bytes)?;
        let aside = self.path.join(aside);
        match fs::hard_link(&aside, path) {
            Ok(()) => fs::remove_file(aside),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(aside),
            // Some file systems have no hard links.
            Err(_) => fs::rename(aside, path),
        }
    }

    /// Writes a private file atomically, and replaces an existing one.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        replace(&self.path, name, bytes)
    }
}

fn replace(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let directory = SystemDisk.open_directory(directory)?;
    directory.replace(OsStr::new(name), bytes, NewAccess::Private)
}

/// Returns a name that no other process uses.
fn unique_name() -> io::Result<String> {
    let random: [u8; 8] = random()?;
    Ok(format!(".{:016x}", u64::from_le_bytes(random)))
}

fn random<const BYTES: usize>() -> io::Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("no random bytes to be had"))?;
    Ok(bytes)
}

fn refused(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason.into())
}
