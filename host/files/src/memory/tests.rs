//! Tests of the disk in memory: it answers as the system's does, and fails as a test says.

use super::*;
use crate::system_disk::SystemDisk;

/// The results of calls, in words that do not depend on the disk.
#[derive(Default)]
struct Results(Vec<String>);

impl Results {
    fn record(&mut self, what: &str, result: io::Result<String>) {
        let text = result.unwrap_or_else(|error| error.kind().to_string());
        self.0.push(format!("{what}: {text}"));
    }

    fn done(&mut self, what: &str, result: io::Result<()>) {
        self.record(what, result.map(|()| "done".to_owned()));
    }
}

fn read(disk: &dyn Disk, path: &Path) -> io::Result<String> {
    let content = disk.read(path, 10)?;
    Ok(String::from_utf8_lossy(&content.bytes).into_owned())
}

fn listed(disk: &dyn Disk, path: &Path) -> io::Result<String> {
    let entries = disk.list(path)?.entries;
    let mut names: Vec<_> = entries.iter().filter_map(|path| path.file_name()).collect();
    names.sort();
    let mut stamped = disk.stamps(path)?;
    stamped.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(stamped.iter().map(|(name, _)| name).eq(&names));
    Ok(format!("{names:?}"))
}

/// Makes, writes, reads and moves files and directories below `root`.
fn use_files(disk: &dyn Disk, root: &Path) -> Vec<String> {
    let at = |name: &str| root.join(name);
    let write = |name: &str, bytes| disk.write_private(&at(name), bytes);
    let make = |name: &str| disk.create_directory(&at(name));
    let mode = |name: &str| {
        let access = disk.access(&at(name));
        access.map(|access| format!("{:o}", access.mode))
    };
    let mut results = Results::default();
    results.record("list nothing", listed(disk, &at("a")));
    results.done("make", make("a/b"));
    results.done("make again", make("a/b"));
    results.done("write", write("a/b/file", b"one"));
    results.done("write over", write("a/b/file", b"two"));
    results.done("write nowhere", write("c/file", b"one"));
    results.done("write a directory", write("a/b", b"one"));
    results.done("make in a file", make("a/b/file/c"));
    results.record("read", read(disk, &at("a/b/file")));
    results.record("read nothing", read(disk, &at("a/none")));
    results.record("read a directory", read(disk, &at("a/b")));
    results.record("mode", mode("a/b/file"));
    results.record("mode of a directory", mode("a/b"));
    let open = disk.open_directory(&at("a/b")).unwrap();
    let (large, file) = (OsStr::new("large"), OsStr::new("file"));
    let replaced = open.replace(large, b"a large one", NewAccess::Private);
    results.done("replace", replaced);
    results.record("read large", read(disk, &at("a/b/large")));
    let surveyed = disk.survey(&at("a/b/large")).map_err(io::Error::from);
    results.record("survey", surveyed.map(|survey| survey.size.to_string()));
    results.done("rename", disk.rename(&at("a/b"), &at("a/c")));
    results.done("rename nothing", disk.rename(&at("a/b"), &at("a/d")));
    results.done("remove", open.remove(file));
    results.done("remove again", open.remove(file));
    results.done("sync", open.sync());
    results.record("list", listed(disk, &at("a/c")));
    results.record("list a file", listed(disk, &at("a/c/large")));
    results.done("make in the way", make("a/b"));
    results.done("rename over", disk.rename(&at("a/b"), &at("a/c")));
    let file_opened = disk.open_directory(&at("a/c/large"));
    results.done("open a file", file_opened.map(drop));
    results.done("remove a directory", disk.remove_directory(&at("a")));
    results.done("remove it again", disk.remove_directory(&at("a")));
    results.record("list what is left", listed(disk, &at("")));
    results.0
}

/// Locks a file below `root`, and asks whether it is locked.
fn use_locks(disk: &dyn Disk, root: &Path) -> Vec<String> {
    let path = root.join("lock");
    let time = || {
        let time = disk.locked_time(&path);
        time.map(|time| format!("{time:?}"))
    };
    let mut results = Results::default();
    results.record("missing", time());
    let lock = disk.lock(&path).unwrap();
    results.done("set", lock.set_time(SystemTime::UNIX_EPOCH));
    results.record("locked", time());
    results.done("lock again", disk.lock(&path).map(drop));
    drop(lock);
    results.record("free", time());
    results.done("lock later", disk.lock(&path).map(drop));
    results.done("lock a directory", disk.lock(root).map(drop));
    results.0
}

#[test]
fn both_disks_answer_alike() {
    let scratch = tempfile::tempdir().unwrap();
    let root = Path::new("/srv");
    let disk = MemoryDisk::default();
    disk.put_directory(root);
    let (system, memory) = (
        use_files(&SystemDisk, scratch.path()),
        use_files(&disk, root),
    );
    assert_eq!(memory, system);
    let (system, memory) = (
        use_locks(&SystemDisk, scratch.path()),
        use_locks(&disk, root),
    );
    assert_eq!(memory, system);
}

#[test]
fn a_full_disk_keeps_what_it_holds() {
    let disk = MemoryDisk::default();
    let at = |name: &str| Path::new("/srv").join(name);
    disk.put(at("old"), b"old");
    disk.set_capacity(Some(8));
    let full = disk.write_private(&at("new"), b"too large").unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.read(&at("new"), 10).unwrap().bytes, b"too l");
    let open = disk.open_directory(&at("")).unwrap();
    let full = open.replace(OsStr::new("old"), b"newer", NewAccess::Private);
    assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.read(&at("old"), 10).unwrap().bytes, b"old");
    open.remove(OsStr::new("new")).unwrap();
    open.replace(OsStr::new("old"), b"newer", NewAccess::Private)
        .unwrap();
    assert_eq!(disk.used(), 5);
}

#[test]
fn a_hook_sees_every_call_and_decides_whether_it_works() {
    let disk = MemoryDisk::default();
    disk.put("/srv/file", b"1234");
    let (seen, within) = (Arc::new(Mutex::new(Vec::new())), disk.clone());
    let record = Arc::clone(&seen);
    disk.set_hook(move |operation, path| {
        record.lock().push((operation, path.to_owned()));
        match operation {
            // The directory vanishes between the listing and the read.
            Operation::Read => within.take_away("/srv"),
            Operation::Write | Operation::RemoveDirectory => return Err(io::Error::other("dead")),
            _ => {}
        }
        Ok(())
    });
    let (root, file) = (Path::new("/srv"), Path::new("/srv/file"));
    assert_eq!(
        disk.write_private(file, b"5678").unwrap_err().to_string(),
        "dead"
    );
    assert_eq!(disk.list(root).unwrap().entries, [file]);
    let missing = disk.read(file, 10).unwrap_err();
    assert!(matches!(missing, ReadError::Missing), "{missing:?}");
    disk.put("/srv/a/one", b"");
    disk.put("/srv/a/two", b"");
    assert!(disk.remove_directory(Path::new("/srv/a")).is_err());
    let calls = seen.lock().clone();
    let calls: Vec<_> = calls.iter().map(|(operation, _)| *operation).collect();
    let expected = [
        Operation::Write,
        Operation::List,
        Operation::Read,
        Operation::RemoveDirectory,
    ];
    assert_eq!(calls, expected);
    disk.remove_hook();
    assert_eq!(disk.list(Path::new("/srv/a")).unwrap().entries.len(), 1);
}
