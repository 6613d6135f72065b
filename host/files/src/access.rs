//! Owners and modes of files.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// The owner and the mode of a file or a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// User id of the owner.
    pub owner: u32,
    /// Permission bits.
    pub mode: u32,
}

/// A reason why a file or directory is not trusted to hold only what this user wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// The group or all users may write to the file or directory.
    #[error(
        "other users can write to it (mode {mode:04o}), so its content is not trusted: empty it and run `chmod go-w` on it, or name a directory inside of it"
    )]
    Writable {
        /// Permission bits.
        mode: u32,
    },
    /// Another user owns the file or directory.
    #[error(
        "it belongs to user {owner} and this process runs as user {user}, so its content is not trusted: name a directory of user {user}"
    )]
    Foreign {
        /// User id of the owner.
        owner: u32,
        /// User id of this process.
        user: u32,
    },
}

const GROUP_OR_OTHERS_WRITE: u32 = 0o022;
const OTHERS_WRITE: u32 = 0o002;

impl Access {
    /// Returns whether every user of the machine may write to the file or directory.
    pub const fn is_writable_by_others(&self) -> bool {
        self.mode & OTHERS_WRITE != 0
    }

    /// Checks that only this user, root and the user `also` can have written to the file or
    /// directory.
    ///
    /// # Errors
    ///
    /// Fails with `PermissionDenied` and the [`Untrusted`] reason if other users can.
    pub fn check(&self, also: Option<u32>) -> io::Result<()> {
        match self.distrust(also) {
            None => Ok(()),
            Some(reason) => Err(io::Error::new(io::ErrorKind::PermissionDenied, reason)),
        }
    }

    fn distrust(self, also: Option<u32>) -> Option<Untrusted> {
        if self.mode & GROUP_OR_OTHERS_WRITE != 0 {
            return Some(Untrusted::Writable { mode: self.mode });
        }
        let (owner, user) = (self.owner, rustix::process::geteuid().as_raw());
        let trusted = is_own_user(owner) || also == Some(owner);
        (!trusted).then_some(Untrusted::Foreign { owner, user })
    }
}

/// Returns whether `user` is root or the user of this process.
pub fn is_own_user(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

/// Returns whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl From<&Metadata> for Access {
    fn from(metadata: &Metadata) -> Self {
        Self {
            owner: metadata.uid(),
            mode: metadata.mode() & 0o7777,
        }
    }
}

/// The owner and the mode of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewAccess {
    /// The user of this process, with mode 0600.
    Private,
    /// The user of this process, with mode 0644: for files without secrets that others copy.
    Readable,
    /// Owner, group and mode of the replaced file. For a new name, owner and group of the directory
    /// and mode 0640, so that a service that reads the directory can read the file.
    Inherited,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_write_to_is_not_trusted() {
        let owner = rustix::process::geteuid().as_raw();
        let distrust = |mode| Access { owner, mode }.distrust(None);
        for mode in [0o700, 0o755, 0o600, 0o644] {
            assert_eq!(distrust(mode), None, "{mode:o}");
        }
        for mode in [0o777, 0o1777, 0o775, 0o702] {
            let writable = Untrusted::Writable { mode };
            assert_eq!(distrust(mode), Some(writable), "{mode:o}");
        }
    }

    #[test]
    fn what_belongs_to_another_user_is_not_trusted() {
        let user = rustix::process::geteuid().as_raw();
        let owner = user + 1;
        let access = Access { owner, mode: 0o700 };
        let foreign = Untrusted::Foreign { owner, user };
        assert_eq!(access.distrust(None), Some(foreign));
        assert_eq!(access.distrust(Some(owner)), None);
        let root = Access {
            owner: 0,
            mode: 0o700,
        };
        assert_eq!(root.distrust(None), None);
    }
}
