//! Reasons why a file was not read.

use std::fmt;
use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::time::Duration;

/// A reason why a file or a directory was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The path does not exist.
    #[error("does not exist")]
    Missing,
    /// The path is a link to a file that does not exist.
    #[error("is a link to a file that does not exist")]
    Dangling,
    /// The user of this process has no permission.
    #[error("permission denied")]
    Forbidden,
    /// The path leads to something other than a regular file.
    #[error("is {0}, not a regular file")]
    NotAFile(FileKind),
    /// The path leads to something other than a directory.
    #[error("is not a directory")]
    NotADirectory,
    /// The file is larger than the caller accepts.
    #[error("is larger than {limit} bytes")]
    TooLarge {
        /// Maximum accepted size, in bytes.
        limit: u64,
    },
    /// The file system did not answer, in this read or an earlier one.
    #[error("was not read within {limit:?}: its file system does not answer")]
    TimedOut {
        /// Time limit of the read.
        limit: Duration,
    },
    /// The operating system could not start a thread for the read.
    #[error("cannot be read: no thread: {0}")]
    NoThread(#[source] io::Error),
    /// The operating system reports another failure.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
    /// The thread that reads panicked.
    #[error("cannot be read: reading it broke")]
    Broken,
}

/// A kind of file that holds no content to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A FIFO, also called a named pipe.
    Fifo,
    /// A character or block device.
    Device,
    /// A socket.
    Socket,
    /// Any other kind.
    Other,
}

impl From<FileType> for FileKind {
    fn from(kind: FileType) -> Self {
        if kind.is_dir() {
            Self::Directory
        } else if kind.is_fifo() {
            Self::Fifo
        } else if kind.is_char_device() || kind.is_block_device() {
            Self::Device
        } else if kind.is_socket() {
            Self::Socket
        } else {
            Self::Other
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Directory => "a directory",
            Self::Fifo => "a FIFO",
            Self::Device => "a device",
            Self::Socket => "a socket",
            Self::Other => "of an unknown kind",
        })
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::NotADirectory => Self::NotADirectory,
            _ => Self::Io(error),
        }
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::Missing => io::ErrorKind::NotFound,
            ReadError::Forbidden => io::ErrorKind::PermissionDenied,
            ReadError::NotAFile(FileKind::Directory) => io::ErrorKind::IsADirectory,
            ReadError::NotAFile(_) | ReadError::Dangling => io::ErrorKind::InvalidInput,
            ReadError::NotADirectory => io::ErrorKind::NotADirectory,
            ReadError::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            ReadError::TimedOut { .. } => io::ErrorKind::TimedOut,
            ReadError::NoThread(_) | ReadError::Broken => io::ErrorKind::Other,
            ReadError::Io(cause) => cause.kind(),
        };
        Self::new(kind, error)
    }
}
