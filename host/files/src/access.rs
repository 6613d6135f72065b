//! Who may change a file.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The owner and the mode of a file or a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The user id of the owner.
    pub owner: u32,
    /// The permission bits.
    pub mode: u32,
}

/// The reason why a directory or a file is not trusted to hold what this user wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// Its group or all users may write to it.
    Writable {
        /// The permission bits.
        mode: u32,
    },
    /// Another user owns it.
    Foreign {
        /// The user id of the owner.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
}

const GROUP_OR_OTHERS_WRITE: u32 = 0o022;
const OTHERS_WRITE: u32 = 0o002;

impl Access {
    /// Whether every user of the machine may write to it.
    pub const fn is_writable_by_others(&self) -> bool {
        self.mode & OTHERS_WRITE != 0
    }

    /// Returns why this user cannot trust it, if so. Root is trusted, and trusts every owner: as root,
    /// an operator's command works on the files of the service's user.
    pub fn distrust(&self) -> Option<Untrusted> {
        let user = rustix::process::geteuid().as_raw();
        if self.mode & GROUP_OR_OTHERS_WRITE != 0 {
            return Some(Untrusted::Writable { mode: self.mode });
        }
        let owner = self.owner;
        let trusted = owner == user || owner == 0 || user == 0;
        (!trusted).then_some(Untrusted::Foreign { owner, user })
    }
}

impl From<&Metadata> for Access {
    fn from(metadata: &Metadata) -> Self {
        Self {
            owner: metadata.uid(),
            mode: metadata.mode() & 0o7777,
        }
    }
}

/// Checks that other users cannot have written to `path`.
///
/// # Errors
///
/// When other users can, as `PermissionDenied` with the reason, and when `path` cannot be looked at.
pub fn check_trusted(path: &Path) -> io::Result<()> {
    match Access::from(&fs::metadata(path)?).distrust() {
        None => Ok(()),
        Some(reason) => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            reason.to_string(),
        )),
    }
}

/// Fits after the name of the path and a colon.
impl fmt::Display for Untrusted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writable { mode } => write!(
                formatter,
                "other users can write to it (mode {mode:04o}), so its content is not trusted: empty it and run `chmod go-w` on it, or name a directory inside of it"
            ),
            Self::Foreign { owner, user } => write!(
                formatter,
                "it belongs to user {owner} and this process runs as user {user}, so its content is not trusted: name a directory of user {user}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_write_to_is_not_trusted() {
        let owner = rustix::process::geteuid().as_raw();
        let distrust = |mode| Access { owner, mode }.distrust();
        for mode in [0o700, 0o755, 0o600, 0o644] {
            assert_eq!(distrust(mode), None, "{mode:o}");
        }
        for mode in [0o777, 0o1777, 0o775, 0o702] {
            assert_eq!(
                distrust(mode),
                Some(Untrusted::Writable { mode }),
                "{mode:o}"
            );
        }
    }

    #[test]
    fn what_belongs_to_another_user_is_not_trusted_except_by_root() {
        let user = rustix::process::geteuid().as_raw();
        let owner = user + 1;
        let found = Access { owner, mode: 0o700 }.distrust();
        let expected = (user != 0).then_some(Untrusted::Foreign { owner, user });
        assert_eq!(found, expected);
    }
}
