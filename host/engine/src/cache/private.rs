//! A directory that only this process's user can access.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use data_encoding::HEXLOWER;

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
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
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
        let (probe, file) = create_aside(path)?;
        let user = file.metadata().map(|about| about.uid());
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
        let mut secret = [0; SECRET];
        rand::fill(&mut secret).map_err(|_| io::Error::other("no random bytes to be had"))?;
        if missing {
            self.create(&path, &secret)?;
        } else {
            self.replace(&path, &secret)?;
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
        self.put(bytes, |aside| match fs::hard_link(aside, path) {
            Ok(()) => fs::remove_file(aside),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(aside),
            // Some file systems have no hard links.
            Err(_) => fs::rename(aside, path),
        })
    }

    /// Writes a private file atomically, and replaces an existing one.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, |aside| fs::rename(aside, path))
    }

    /// Writes a temporary file, syncs it to disk, and lets `place` move it.
    fn put(&self, bytes: &[u8], place: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let (aside, mut file) = create_aside(&self.path)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| place(&aside))
            .inspect_err(|_| {
                // The partial file is of no use, and the first error is the one to report.
                let _ = fs::remove_file(&aside);
            })?;
        File::open(&self.path)?.sync_all()
    }
}

/// Creates a private file with a unique name.
fn create_aside(directory: &Path) -> io::Result<(PathBuf, File)> {
    let mut random = [0; 8];
    rand::fill(&mut random).map_err(|_| io::Error::other("no random bytes to be had"))?;
    let path = directory.join(format!(".{}", HEXLOWER.encode(&random)));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    Ok((path, file))
}

fn refused(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason.into())
}
