//! What other users of the machine may do with the files of a store.

use std::fmt;
use std::path::PathBuf;

use portcullis_files::Access;

use super::{OPERATOR, Store};

/// A directory or a JWT that every user of the machine may change, or a seed that every user may
/// read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// Path of the directory or of the file.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    is_seed: bool,
}

const OTHERS_READ_OR_WRITE: u32 = 0o006;

impl Store {
    /// Returns the directories, operator and accounts that all users of the machine may change, and
    /// the seeds that every user may read or change. In such a directory, an earlier version of an
    /// account may take the place of a later one, and undo its revocations.
    ///
    /// A file or directory whose access cannot be read is left out, because reading it fails too.
    pub fn exposed(&self) -> Vec<Exposed> {
        let accounts = self.accounts.accounts().unwrap_or_default();
        let mut places = vec![
            self.operator.path(OPERATOR),
            self.root.clone(),
            self.root.join("accounts"),
            self.root.join("activations"),
            self.keys.directory().to_owned(),
            self.root.join("users"),
        ];
        for account in &accounts {
            places.push(self.accounts.path(account));
            places.push(self.users_of(account).directory().to_owned());
        }
        let places = places.into_iter().filter_map(|path| {
            let is_exposed = |access: &Access| access.is_writable_by_others();
            self.exposure(path, false, is_exposed)
        });
        let seeds = self.keys.keys().unwrap_or_default().into_iter();
        let seeds = seeds.filter_map(|key| {
            let is_exposed = |access: &Access| access.mode & OTHERS_READ_OR_WRITE != 0;
            self.exposure(self.keys.path(&key), true, is_exposed)
        });
        places.chain(seeds).collect()
    }

    /// Logs a warning for each of the [`exposed`](Self::exposed) files and directories.
    pub fn warn_of_exposed(&self) {
        for exposed in self.exposed() {
            let file = exposed.path.display();
            if exposed.is_seed {
                tracing::warn!(%file, "every user of this machine can read or change a seed: run `chmod 600` on it");
            } else {
                tracing::warn!(%file, "every user of this machine can change the accounts: run `chmod o-w` on it");
            }
        }
    }

    fn exposure(
        &self,
        path: PathBuf,
        is_seed: bool,
        is_exposed: impl Fn(&Access) -> bool,
    ) -> Option<Exposed> {
        let access = self.disk.access(&path).ok().filter(is_exposed)?;
        let mode = access.mode & 0o7777;
        Some(Exposed {
            path,
            mode,
            is_seed,
        })
    }
}

impl fmt::Display for Exposed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            mode,
            is_seed,
        } = self;
        let path = path.display();
        if *is_seed {
            write!(
                formatter,
                "`{path}` can be read or changed by every user of this machine (mode {mode:04o}): run `chmod 600` on it, and replace the key if somebody may have read it"
            )
        } else {
            write!(
                formatter,
                "`{path}` can be changed by every user of this machine (mode {mode:04o}), who may put earlier versions there: run `chmod o-w` on it"
            )
        }
    }
}
