//! The places of secrets, and reading them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fmt};

use portcullis_core::Secret;
use portcullis_files::{Disk, FileKind, ReadError, SystemDisk, read_watched};
use zeroize::Zeroizing;

/// The place of a secret. The secret is read again for every use, so that it can change while the
/// service runs.
///
/// ```
/// use portcullis_connect::{Secret, SecretSource};
///
/// let source = SecretSource::from(Secret::new(" s3cret\n"));
/// assert_eq!(source.read()?.expose(), "s3cret");
/// # Ok::<(), portcullis_connect::SecretError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretSource {
    /// The content of a file.
    File(PathBuf),
    /// The value of a variable in the environment of the process.
    Environment(String),
    /// The secret itself.
    Literal(Secret),
}

/// The place of a secret that cannot be read, and the problem there. The text never contains the
/// secret.
#[derive(Debug, thiserror::Error)]
#[error("{place} {problem}")]
pub struct SecretError {
    place: String,
    problem: SecretProblem,
}

/// The problem, in words that follow the name of the place.
#[derive(Debug, thiserror::Error)]
enum SecretProblem {
    #[error("does not exist")]
    Missing,
    #[error("may not be read by this user")]
    Forbidden,
    #[error("is a directory")]
    Directory,
    #[error("is not text")]
    NotText,
    #[error("is too large to be a secret")]
    TooLarge,
    #[error("is empty")]
    Empty,
    #[error("is not set")]
    NotSet,
    #[error("{0}")]
    Unreadable(ReadError),
}

/// The first character of a text file from some editors.
const BYTE_ORDER_MARK: char = '\u{feff}';

impl SecretSource {
    /// The maximum length of a secret, in bytes.
    pub const MAX_LEN: u64 = 64 * 1024;

    /// Reads the secret and removes the white space around it, and a byte order mark. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if the secret is missing, not readable, not text, empty, or longer than
    /// [`SecretSource::MAX_LEN`].
    pub fn read(&self) -> Result<Secret, SecretError> {
        self.read_from(&SystemDisk)
    }

    /// Reads the secret as [`SecretSource::read`] does, from a file of `disk`.
    ///
    /// # Errors
    ///
    /// Fails as [`SecretSource::read`] does.
    pub fn read_from(&self, disk: &dyn Disk) -> Result<Secret, SecretError> {
        self.read_with(&|name| env::var_os(name), |path| {
            read_watched(disk, path, Self::MAX_LEN)
        })
    }

    /// Reads the secret once, as [`SecretSource::read`] does, with variables from `environment`.
    ///
    /// # Errors
    ///
    /// Fails if [`SecretSource::read`] would.
    pub fn read_in(
        &self,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Secret, SecretError> {
        self.read_with(environment, |path| {
            let read = SystemDisk.read(path, Self::MAX_LEN);
            read.map(|content| content.bytes)
        })
    }

    fn read_with(
        &self,
        environment: &dyn Fn(&str) -> Option<OsString>,
        read_file: impl Fn(&Path) -> Result<Vec<u8>, ReadError>,
    ) -> Result<Secret, SecretError> {
        let read = match self {
            Self::File(path) => text_of(read_file(path)),
            Self::Environment(name) => read_variable(environment(name)),
            Self::Literal(secret) => Ok(Zeroizing::new(secret.expose().to_owned())),
        };
        read.and_then(
            |text| match text.trim_start_matches(BYTE_ORDER_MARK).trim() {
                "" => Err(SecretProblem::Empty),
                secret => Ok(Secret::new(secret)),
            },
        )
        .map_err(|problem| SecretError {
            place: self.to_string(),
            problem,
        })
    }
}

impl From<Secret> for SecretSource {
    fn from(secret: Secret) -> Self {
        Self::Literal(secret)
    }
}

/// Writes the place in words that begin a sentence about it.
impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "`{}`", path.display()),
            Self::Environment(name) => write!(formatter, "environment variable `{name}`"),
            Self::Literal(_) => formatter.write_str("the secret given"),
        }
    }
}

fn text_of(read: Result<Vec<u8>, ReadError>) -> Result<Zeroizing<String>, SecretProblem> {
    match String::from_utf8(read?) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(SecretProblem::NotText)
        }
    }
}

fn read_variable(value: Option<OsString>) -> Result<Zeroizing<String>, SecretProblem> {
    value
        .ok_or(SecretProblem::NotSet)?
        .into_string()
        .map(Zeroizing::new)
        .map_err(|_| SecretProblem::NotText)
}

impl From<ReadError> for SecretProblem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing => Self::Missing,
            ReadError::Forbidden => Self::Forbidden,
            ReadError::NotAFile(FileKind::Directory) => Self::Directory,
            ReadError::TooLarge { .. } => Self::TooLarge,
            error => Self::Unreadable(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(source: &SecretSource) -> String {
        source
            .read_in(&|name| (name == "BLANK").then(|| " \n".into()))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_secret_is_read_without_what_editors_put_around_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "\u{feff}\n s3cret \r\n").unwrap();
        let secrets = [
            SecretSource::File(file),
            SecretSource::Environment("TOKEN".to_owned()),
            SecretSource::Literal(Secret::new("s3cret")),
        ];
        for source in secrets {
            let secret = source.read_in(&|name| (name == "TOKEN").then(|| "s3cret\n".into()));
            assert_eq!(secret.unwrap().expose(), "s3cret", "{source}");
        }
    }

    #[test]
    fn the_place_and_the_problem_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::write(path.join("bytes"), b"\xff\xfe").unwrap();
        std::fs::write(path.join("large"), vec![b'x'; 70_000]).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path.join("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        for (name, problem) in [
            ("fifo", "is a FIFO, not a regular file"),
            ("/dev/zero", "is a device, not a regular file"),
            ("none", "does not exist"),
            ("bytes", "is not text"),
            ("large", "is too large to be a secret"),
            (".", "is a directory"),
        ] {
            let file = path.join(name);
            let expected = format!("`{}` {problem}", file.display());
            assert_eq!(message(&SecretSource::File(file)), expected);
        }
        for (name, problem) in [("NONE", "is not set"), ("BLANK", "is empty")] {
            assert_eq!(
                message(&SecretSource::Environment(name.to_owned())),
                format!("environment variable `{name}` {problem}")
            );
        }
        assert_eq!(
            message(&Secret::new("").into()),
            "the secret given is empty"
        );
    }
}
