//! A directory that nobody but this process's user can use.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use data_encoding::HEXLOWER;

/// A directory that was found to be this user's alone when it was opened.
#[derive(Debug)]
pub(super) struct PrivateDirectory {
    path: PathBuf,
    /// The user this process writes as.
    user: u32,
}

/// The bits of a mode that let others in.
const OTHERS: u32 = 0o077;

/// Bytes of a secret.
const SECRET: usize = 32;

impl PrivateDirectory {
    /// Makes the directory if it is not there. Fails if it is somebody else's, or others can look into it or write to it.
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
        // Whose files this process makes is whom it runs as, as far as this file system is concerned.
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

    /// The secret in a file. Made now if it is not there, and made anew if it cannot be trusted.
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
        // Another process may have been faster: it is the one in the file that counts.
        self.read_secret(&path)
    }

    fn read_secret(&self, path: &Path) -> io::Result<[u8; SECRET]> {
        let about = fs::symlink_metadata(path)?;
        if !about.is_file() || about.uid() != self.user || about.mode() & OTHERS != 0 {
            return Err(refused("it is not a file of this user's alone"));
        }
        // Room for a byte too many, which is refused too.
        portcullis_files::read(path, SECRET as u64 + 1)?
            .bytes
            .try_into()
            .map_err(|_| refused(format!("it does not hold {SECRET} bytes")))
    }

    /// Writes a private file in one step, unless it is there.
    fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, |aside| match fs::hard_link(aside, path) {
            Ok(()) => fs::remove_file(aside),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(aside),
            // There are file systems without links.
            Err(_) => fs::rename(aside, path),
        })
    }

    /// Writes a private file in one step, in place of the one that may be there.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, |aside| fs::rename(aside, path))
    }

    /// Writes a file beside its place, has it on disk, and lets `place` put it there.
    fn put(&self, bytes: &[u8], place: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let (aside, mut file) = create_aside(&self.path)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| place(&aside))
            .inspect_err(|_| {
                // What is left of it is of no use; the first error says what went wrong.
                let _ = fs::remove_file(&aside);
            })?;
        File::open(&self.path)?.sync_all()
    }
}

/// A new private file with a name that nothing else has.
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
