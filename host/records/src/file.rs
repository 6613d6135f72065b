//! The sink that appends records to a file, one JSON object a line, and rotates it.
//!
//! The file is readable by the host's user only. A rotated file has the time of its rotation as a
//! suffix. The oldest ones are removed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use portcullis_environment::{Clock as _, SystemClock};

use crate::line::Line;
use crate::sink::Sink;

/// The options of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// The file that is written now.
    pub path: PathBuf,
    /// Size from which on the file is rotated, in bytes. Default: 64 MiB.
    pub max_size: u64,
    /// Age from which on the file is rotated. Default: one day.
    pub max_age: Duration,
    /// Maximum number of rotated files. Default: 14.
    pub max_files: usize,
}

impl FileOptions {
    /// Returns options for the file at `path`, with defaults.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_size: 64 << 20,
            max_age: Duration::from_hours(24),
            max_files: 14,
        }
    }
}

/// A failure of the file.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: cannot {action} it", path.display())]
pub struct FileError {
    path: PathBuf,
    action: &'static str,
    #[source]
    source: io::Error,
}

/// The sink.
#[derive(Debug)]
pub(crate) struct FileSink {
    options: FileOptions,
    file: File,
    /// Size of the complete lines in the file, in bytes.
    size: u64,
    /// The time at which the file was begun.
    since: SystemTime,
    /// Whether the file ends in an incomplete line.
    is_torn: bool,
    /// Whether lines were written since the file was last synced to disk.
    is_dirty: bool,
}

impl FileSink {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened, or if it is not a regular file.
    pub(crate) fn open(options: FileOptions) -> Result<Self, FileError> {
        let (file, size, since) = open(&options.path)?;
        Ok(Self {
            options,
            file,
            size,
            since,
            // The last process may have died in the middle of a line.
            is_torn: size > 0,
            is_dirty: false,
        })
    }

    fn failed(&self, action: &'static str, source: io::Error) -> FileError {
        let path = self.options.path.clone();
        FileError {
            path,
            action,
            source,
        }
    }

    /// Replaces the file by an empty one. The old one gets the present time as a suffix.
    fn rotate(&mut self, now: SystemTime) -> Result<(), FileError> {
        self.sync()?;
        let path = &self.options.path;
        let rotated = free_name(path, now);
        fs::rename(path, rotated).map_err(|error| self.failed("rotate", error))?;
        self.reopen()?;
        self.prune()
    }

    /// Opens the file at the path again, which another program may have moved away.
    fn reopen(&mut self) -> Result<(), FileError> {
        let (file, size, since) = open(&self.options.path)?;
        (self.file, self.size, self.since) = (file, size, since);
        self.is_torn = size > 0;
        Ok(())
    }

    /// Removes the oldest rotated files beyond the maximum number.
    fn prune(&self) -> Result<(), FileError> {
        let failed = |error| self.failed("remove the oldest files next to", error);
        let mut rotated = rotated_files(&self.options.path).map_err(failed)?;
        rotated.sort();
        let surplus = rotated.len().saturating_sub(self.options.max_files);
        for file in rotated.iter().take(surplus) {
            fs::remove_file(file).map_err(failed)?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), FileError> {
        if self.is_dirty {
            let synced = self.file.sync_data();
            synced.map_err(|error| self.failed("sync", error))?;
            self.is_dirty = false;
        }
        Ok(())
    }

    /// Returns whether the path still leads to the open file.
    fn is_in_place(&self) -> bool {
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let at_path = fs::symlink_metadata(&self.options.path).map(id);
        let open = self.file.metadata().map(id);
        matches!((at_path, open), (Ok(at_path), Ok(open)) if at_path == open)
    }

    /// Writes `line`. If that fails, the file has none of it.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.write_all(b"\n")?;
            self.size = self.size.saturating_add(1);
            self.is_torn = false;
        }
        let written = self.file.write_all(line);
        if written.is_err() {
            // The disk may be full in the middle of the line.
            self.is_torn = self.file.set_len(self.size).is_err();
        } else {
            let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
            self.size = self.size.saturating_add(length);
            self.is_dirty = true;
        }
        written
    }
}

impl Sink for FileSink {
    type Record = Line;
    type Error = FileError;

    fn write(&mut self, lines: &[Arc<Line>]) -> (usize, Result<(), FileError>) {
        let mut rotated = Ok(());
        for (written, line) in lines.iter().enumerate() {
            if self.size >= self.options.max_size && rotated.is_ok() {
                // A file that grows is better than records that are lost.
                rotated = self.rotate(SystemClock.wall());
            }
            if let Err(error) = self.append(&line.text) {
                return (written, Err(self.failed("write to", error)));
            }
        }
        (lines.len(), rotated)
    }

    fn tick(&mut self) -> Result<(), FileError> {
        self.sync()?;
        if !self.is_in_place() {
            return self.reopen();
        }
        let now = SystemClock.wall();
        let age = now.duration_since(self.since).unwrap_or_default();
        if self.size > 0 && age >= self.options.max_age {
            return self.rotate(now);
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<(File, u64, SystemTime), FileError> {
    let failed = |source| FileError {
        path: path.to_owned(),
        action: "open",
        source,
    };
    let file = portcullis_files::append(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    // Some file systems do not know when a file was made.
    let made = metadata.created().or_else(|_| metadata.modified());
    let since = made.unwrap_or_else(|_| SystemClock.wall());
    Ok((file, metadata.len(), since))
}

/// Returns a name for the rotated file that no file has.
fn free_name(path: &Path, now: SystemTime) -> PathBuf {
    let time = humantime::format_rfc3339_millis(now).to_string();
    let time = time.replace(['-', ':'], "");
    let mut name = path.to_owned().into_os_string();
    name.push(format!(".{time}"));
    let mut number = 0_u32;
    loop {
        let mut candidate = name.clone();
        if number > 0 {
            candidate.push(format!("-{number:04}"));
        }
        let candidate = PathBuf::from(candidate);
        if fs::symlink_metadata(&candidate).is_err() {
            return candidate;
        }
        number = number.saturating_add(1);
    }
}

/// Returns the rotated files of `path`. Their names sort by time.
pub(crate) fn rotated_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    let mut prefix = OsString::from(path.file_name().unwrap_or_default());
    prefix.push(".2");
    let is_rotated = |name: &OsStr| {
        name.as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes())
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        if is_rotated(&entry.file_name()) {
            files.push(entry.path());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
