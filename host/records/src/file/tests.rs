//! Tests of the file.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::line::fixtures::line;

fn sink(directory: &Path, max_size: u64, max_files: usize) -> FileSink {
    FileSink::open(FileOptions {
        max_size,
        max_files,
        ..FileOptions::new(directory.join("log/decisions.jsonl"))
    })
    .unwrap()
}

/// Returns the ids of the records in the file that is written now.
fn ids(sink: &FileSink) -> Vec<String> {
    let text = fs::read_to_string(&sink.options.path).unwrap();
    let records = text.lines().filter(|line| !line.is_empty());
    records
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            record["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn write(sink: &mut FileSink, numbers: std::ops::Range<u64>) {
    let lines: Vec<_> = numbers.map(line).collect();
    let (written, result) = sink.write(&lines);
    result.unwrap();
    assert_eq!(written, lines.len());
}

#[test]
fn records_are_appended_to_a_private_file() {
    let scratch = tempfile::tempdir().unwrap();
    let mut first = sink(scratch.path(), 1 << 20, 3);
    write(&mut first, 1..3);
    drop(first);
    let mut second = sink(scratch.path(), 1 << 20, 3);
    write(&mut second, 3..4);
    assert_eq!(ids(&second), ["00-1", "00-2", "00-3"]);
    let mode = fs::metadata(&second.options.path).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn a_large_file_is_rotated_and_the_oldest_ones_are_removed() {
    let scratch = tempfile::tempdir().unwrap();
    let mut sink = sink(scratch.path(), 1, 3);
    write(&mut sink, 0..10);
    assert_eq!(ids(&sink), ["00-9"]);
    let mut rotated = rotated_files(&sink.options.path).unwrap();
    rotated.sort();
    let contents = rotated.iter().map(|file| fs::read_to_string(file).unwrap());
    let contents: Vec<_> = contents.collect();
    assert_eq!(contents.len(), 3);
    for (content, id) in contents.iter().zip(["00-6", "00-7", "00-8"]) {
        assert!(content.contains(id), "{content}");
    }
}

#[test]
fn an_old_file_is_rotated_without_a_new_record() {
    let scratch = tempfile::tempdir().unwrap();
    let mut sink = sink(scratch.path(), 1 << 20, 3);
    sink.options.max_age = Duration::ZERO;
    write(&mut sink, 1..2);
    sink.tick().unwrap();
    assert_eq!(ids(&sink), [""; 0]);
    assert_eq!(rotated_files(&sink.options.path).unwrap().len(), 1);
    sink.tick().unwrap();
    let rotated = rotated_files(&sink.options.path).unwrap();
    assert_eq!(rotated.len(), 1, "an empty file is not rotated");
}

#[test]
fn a_file_that_another_program_moves_away_is_made_again() {
    let scratch = tempfile::tempdir().unwrap();
    let mut sink = sink(scratch.path(), 1 << 20, 3);
    write(&mut sink, 1..2);
    fs::rename(&sink.options.path, scratch.path().join("moved")).unwrap();
    sink.tick().unwrap();
    write(&mut sink, 2..3);
    assert_eq!(ids(&sink), ["00-2"]);
}

#[test]
fn a_line_that_a_dying_process_left_is_no_part_of_the_next() {
    let scratch = tempfile::tempdir().unwrap();
    let path = sink(scratch.path(), 1 << 20, 3).options.path;
    fs::write(&path, "{\"id\":\"00").unwrap();
    let mut sink = sink(scratch.path(), 1 << 20, 3);
    write(&mut sink, 1..2);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "{\"id\":\"00");
    assert!(lines[1].contains("00-1"), "{text}");
}

#[test]
fn a_full_disk_is_an_error_and_later_records_are_written() {
    let mut full = FileSink::open(FileOptions::new("/dev/null"));
    assert!(full.is_err(), "only a regular file is written to");
    let scratch = tempfile::tempdir().unwrap();
    full = Ok(sink(scratch.path(), 1 << 20, 3));
    let mut sink = full.unwrap();
    write(&mut sink, 1..2);
    let good = std::mem::replace(&mut sink.file, File::open("/dev/full").unwrap());
    sink.file = File::options().write(true).open("/dev/full").unwrap();
    let (written, result) = sink.write(&[line(2)]);
    assert_eq!(written, 0);
    let error = portcullis_core::with_causes(&result.unwrap_err());
    assert!(error.contains("cannot write to it"), "{error}");
    sink.file = good;
    write(&mut sink, 3..4);
    assert_eq!(ids(&sink), ["00-1", "00-3"]);
}

#[test]
fn records_go_on_into_a_file_that_cannot_be_rotated() {
    let scratch = tempfile::tempdir().unwrap();
    let mut sink = sink(scratch.path(), 1, 3);
    write(&mut sink, 1..2);
    let path = std::mem::replace(&mut sink.options.path, scratch.path().join("absent/a"));
    let (written, result) = sink.write(&[line(2), line(3)]);
    assert_eq!(written, 2);
    let error = portcullis_core::with_causes(&result.unwrap_err());
    assert!(error.contains("cannot rotate it"), "{error}");
    sink.options.path = path;
    assert_eq!(ids(&sink), ["00-1", "00-2", "00-3"]);
}
