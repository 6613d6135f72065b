//! A file of records that is read while a host writes and rotates it.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use portcullis_core::DecisionRecord;

use crate::archive::{ReadRecords, record_files};

/// Maximum length of a line, in bytes. A longer one is no record.
pub(crate) const MAX_LINE: usize = 16 << 20;

/// A file of records that other processes append to and rotate.
#[derive(Debug)]
pub struct RecordTail {
    path: PathBuf,
    /// Whether the files that were rotated before are read too.
    with_rotated: bool,
    open: Option<OpenFile>,
}

/// The file that was read last.
#[derive(Debug)]
struct OpenFile {
    file: BufReader<File>,
    id: FileId,
    /// Number of bytes that were read.
    position: u64,
    lines: Lines,
}

/// The lines of a file, of bounded length.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The beginning of a line whose end is not written yet.
    line: Vec<u8>,
    /// Whether the rest of the line is skipped, because the line is too long.
    skips: bool,
}

/// Device and inode of a file, which stay when the file is renamed.
type FileId = (u64, u64);

impl RecordTail {
    /// Returns a reader of the file at `path`. With `with_rotated`, it begins with the oldest file
    /// that was rotated from it.
    pub fn new(path: impl Into<PathBuf>, with_rotated: bool) -> Self {
        Self {
            path: path.into(),
            with_rotated,
            open: None,
        }
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands each record that was written since the last call to `then`. A file that is missing
    /// has no records yet.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read.
    pub fn read(
        &mut self,
        read: &mut ReadRecords,
        mut then: impl FnMut(DecisionRecord),
    ) -> io::Result<()> {
        if let Some(open) = &mut self.open {
            open.read(read, &mut then)?;
            if open.is_at(&self.path)? {
                return Ok(());
            }
            // The writer may have added lines between the last read and the rotation.
            open.read(read, &mut then)?;
        }
        for path in self.later_files()? {
            let mut open = match OpenFile::new(&path) {
                // The host removes the oldest files.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                open => open?,
            };
            open.read(read, &mut then)?;
            self.open = Some(open);
        }
        Ok(())
    }

    /// Returns the files after the open one, the oldest first.
    fn later_files(&self) -> io::Result<Vec<PathBuf>> {
        let Some(open) = &self.open else {
            return if self.with_rotated {
                record_files(&self.path)
            } else {
                Ok(vec![self.path.clone()])
            };
        };
        let mut files = record_files(&self.path)?;
        let is_open = |file: &PathBuf| fs::metadata(file).is_ok_and(|it| id(&it) == open.id);
        let next = files.iter().rposition(is_open);
        Ok(files.split_off(next.map_or(0, |open| open.saturating_add(1))))
    }
}

impl OpenFile {
    fn new(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let id = id(&file.metadata()?);
        Ok(Self {
            file: BufReader::new(file),
            id,
            position: 0,
            lines: Lines::default(),
        })
    }

    /// Returns whether `path` still leads to this file. Starts again at the beginning of a file
    /// that another program has emptied.
    fn is_at(&mut self, path: &Path) -> io::Result<bool> {
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            metadata => metadata?,
        };
        let is_same = id(&metadata) == self.id;
        if is_same && metadata.is_file() && metadata.len() < self.position {
            self.file.rewind()?;
            self.position = 0;
            self.lines = Lines::default();
        }
        Ok(is_same)
    }

    /// Reads the complete lines up to the end of the file.
    fn read(
        &mut self,
        read: &mut ReadRecords,
        then: &mut impl FnMut(DecisionRecord),
    ) -> io::Result<()> {
        let length = self.lines.read(&mut self.file, read, then)?;
        self.position = self.position.saturating_add(length);
        Ok(())
    }
}

impl Lines {
    /// Reads the complete lines up to the end of the file. Returns the number of bytes.
    pub(crate) fn read(
        &mut self,
        mut file: impl BufRead,
        read: &mut ReadRecords,
        then: &mut impl FnMut(DecisionRecord),
    ) -> io::Result<u64> {
        let mut total = 0_u64;
        loop {
            let room = MAX_LINE.saturating_sub(self.line.len());
            let room = u64::try_from(room).unwrap_or(u64::MAX);
            let length = (&mut file).take(room).read_until(b'\n', &mut self.line)?;
            total = total.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            let is_complete = self.line.ends_with(b"\n");
            if !is_complete && self.line.len() < MAX_LINE {
                return Ok(total);
            }
            if is_complete && !self.skips {
                if let Some(record) = read.parse(&self.line) {
                    then(record);
                }
            } else if !is_complete && !self.skips {
                read.unreadable = read.unreadable.saturating_add(1);
            }
            self.skips = !is_complete;
            self.line.clear();
        }
    }

    /// Reads the last line, which no line end follows.
    pub(crate) fn end(self, read: &mut ReadRecords, then: &mut impl FnMut(DecisionRecord)) {
        if !self.skips
            && let Some(record) = read.parse(&self.line)
        {
            then(record);
        }
    }
}

fn id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::line::fixtures::line;

    fn text(number: u64) -> Vec<u8> {
        line(number).text.to_vec()
    }

    /// Returns the numbers of the new records, and how many lines were none.
    fn numbers(tail: &mut RecordTail) -> (Vec<String>, u64) {
        let (mut read, mut ids) = (ReadRecords::default(), Vec::new());
        let reading = tail.read(&mut read, |record| ids.push(record.id));
        reading.unwrap();
        let number = |id: String| id.trim_start_matches("00-").to_owned();
        (ids.into_iter().map(number).collect(), read.unreadable)
    }

    fn append(path: &Path, bytes: &[u8]) {
        let mut file = portcullis_files::append(path).unwrap();
        file.write_all(bytes).unwrap();
    }

    #[test]
    fn a_tail_reads_each_line_once_when_it_is_complete() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("decisions.jsonl");
        let mut tail = RecordTail::new(&path, true);
        assert_eq!(numbers(&mut tail), (vec![], 0), "the file is missing");
        let second = text(2);
        let (begun, rest) = second.split_at(20);
        append(&path, &text(1));
        append(&path, begun);
        assert_eq!(numbers(&mut tail).0, ["1"]);
        append(&path, rest);
        append(&path, b"no record\n");
        append(&path, &text(3));
        let (ids, unreadable) = numbers(&mut tail);
        assert_eq!((ids, unreadable), (vec!["2".to_owned(), "3".to_owned()], 1));
        assert_eq!(numbers(&mut tail), (vec![], 0));
    }

    #[test]
    fn a_tail_follows_the_file_through_rotations() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("decisions.jsonl");
        let rotated = |name: &str| scratch.path().join(format!("decisions.jsonl.{name}"));
        append(&rotated("20260101T000000.000Z"), &text(1));
        append(&path, &text(2));
        let mut tail = RecordTail::new(&path, true);
        let mut without = RecordTail::new(&path, false);
        assert_eq!(numbers(&mut tail).0, ["1", "2"]);
        assert_eq!(numbers(&mut without).0, ["2"]);
        // Two rotations between two reads, and a line after the last read.
        append(&path, &text(3));
        fs::rename(&path, rotated("20260102T000000.000Z")).unwrap();
        append(&rotated("20260103T000000.000Z"), &text(4));
        assert_eq!(numbers(&mut tail).0, ["3", "4"]);
        append(&path, &text(5));
        assert_eq!(numbers(&mut tail).0, ["5"]);
        assert_eq!(numbers(&mut without).0, ["3", "4", "5"]);
        // A program copied the file and emptied it.
        append(&path, &text(6));
        assert_eq!(numbers(&mut tail).0, ["6"]);
        fs::write(&path, text(7)).unwrap();
        assert_eq!(numbers(&mut tail).0, Vec::<String>::new());
        assert_eq!(numbers(&mut tail).0, ["7"]);
    }
}
