//! Where a secret is, and reading it from there.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::{env, fmt};

use portcullis_core::Secret;
use zeroize::Zeroizing;

/// Where a secret is. Read anew whenever it is needed, so that it can change while the service runs.
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

/// Why a secret cannot be read: the place, and what is wrong there. Never the secret.
#[derive(Debug, thiserror::Error)]
#[error("{place} {problem}")]
pub struct SecretError {
    place: String,
    problem: SecretProblem,
}

/// Fits after the name of the place.
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
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
}

impl SecretSource {
    /// No secret is longer than this, in bytes.
    pub const MAX_LEN: u64 = 64 * 1024;

    /// Reads the secret, without the white space around it: no secret here begins or ends with any. Blocks.
    ///
    /// # Errors
    ///
    /// When it is missing, not readable, not text, empty, or longer than [`SecretSource::MAX_LEN`].
    pub fn read(&self) -> Result<Secret, SecretError> {
        self.read_in(&|name| env::var_os(name))
    }

    /// As [`SecretSource::read`], with variables from elsewhere.
    ///
    /// # Errors
    ///
    /// As [`SecretSource::read`].
    pub fn read_in(
        &self,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Secret, SecretError> {
        let read = match self {
            Self::File(path) => read_file(path),
            Self::Environment(name) => read_variable(environment(name)),
            Self::Literal(secret) => Ok(Zeroizing::new(secret.expose().to_owned())),
        };
        read.and_then(|text| match text.trim() {
            "" => Err(SecretProblem::Empty),
            secret => Ok(Secret::new(secret)),
        })
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

/// The place, in words that begin a sentence about it.
impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "`{}`", path.display()),
            Self::Environment(name) => write!(formatter, "environment variable `{name}`"),
            Self::Literal(_) => formatter.write_str("the secret given"),
        }
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, SecretProblem> {
    let file = File::open(path)?;
    // Room for everything at once: growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(4096));
    file.take(SecretSource::MAX_LEN + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|len| len <= SecretSource::MAX_LEN) {
        Ok(text)
    } else {
        Err(SecretProblem::TooLarge)
    }
}

fn read_variable(value: Option<OsString>) -> Result<Zeroizing<String>, SecretProblem> {
    value
        .ok_or(SecretProblem::NotSet)?
        .into_string()
        .map(Zeroizing::new)
        .map_err(|_| SecretProblem::NotText)
}

impl From<io::Error> for SecretProblem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::IsADirectory => Self::Directory,
            io::ErrorKind::InvalidData => Self::NotText,
            _ => Self::Unreadable(error),
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
    fn a_secret_is_read_without_the_white_space_around_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "\n s3cret \r\n").unwrap();
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
        for (name, problem) in [
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
