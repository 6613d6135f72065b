//! Tests of the store on a disk that fills up, and under hosts that die in the middle.

use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_files::{MemoryDisk, Operation};

use super::*;
use crate::content::FileSource;
use crate::languages::Texts;

const STATE: &str = "/state";
const MAX_MODULE: u64 = 1 << 20;

fn name() -> PolicyName {
    "p".parse().unwrap()
}

/// Returns the files of a version that differ from those of every other `number`.
fn content(number: u64) -> Content {
    let file = |kind: &str| format!("{kind} of version {number}").into_bytes();
    Content::new(
        file("module"),
        Some(file("settings")),
        Some(file("tests")),
        Texts::default(),
    )
}

fn version(generation: u64) -> Version {
    Version {
        generation,
        since: 1_800_000_000,
        before: generation.checked_sub(1),
        fingerprint: content(generation).fingerprint,
    }
}

/// Acts as a host that starts on `disk` and stores these versions, and returns its store.
fn host(disk: &MemoryDisk, keep: usize) -> io::Result<Store> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut store = Store::new(&disk, Path::new(STATE), keep);
    store.claim()?;
    Ok(store)
}

fn keep(store: &Store, generation: u64) -> io::Result<()> {
    store.keep(&name(), version(generation), &content(generation))
}

/// Returns the generations of the whole versions, newest first.
fn whole(store: &Store) -> Vec<u64> {
    let source = FileSource {
        disk: &*store.disk,
        max_module: MAX_MODULE,
    };
    let versions = store.versions(&name()).unwrap();
    let whole = versions.iter();
    let whole = whole.filter(|kept| kept.content(&name(), source).is_ok());
    whole.map(|kept| kept.version.generation).collect()
}

fn is_write(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CreateDirectory
            | Operation::RemoveDirectory
            | Operation::Rename
            | Operation::Write
            | Operation::Replace
            | Operation::Remove
            | Operation::Sync
    )
}

/// Lets the first `count` writes work. After them every write fails, as for a host that died.
/// Returns the number of all writes so far.
fn die_after(disk: &MemoryDisk, count: usize) -> Arc<AtomicUsize> {
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&writes);
    disk.set_hook(move |operation, _| {
        if is_write(operation) && counted.fetch_add(1, Ordering::SeqCst) >= count {
            return Err(io::Error::other("the host is dead"));
        }
        Ok(())
    });
    writes
}

#[test]
fn a_host_that_dies_at_any_write_leaves_whole_versions() {
    for deaths in 0.. {
        let disk = MemoryDisk::default();
        keep(&host(&disk, 1).unwrap(), 1).unwrap();
        let dying = host(&disk, 1).unwrap();
        let writes = die_after(&disk, deaths);
        let kept = keep(&dying, 2);
        drop(dying);
        disk.remove_hook();
        let next = host(&disk, 1).unwrap();
        let versions = whole(&next);
        if writes.load(Ordering::SeqCst) <= deaths {
            kept.unwrap();
            assert_eq!(versions, [2]);
            assert!(deaths > 8, "the host died {deaths} times only");
            return;
        }
        assert!(
            matches!(versions[..], [1 | 2] | [2, 1]),
            "{versions:?} after {deaths} writes"
        );
        let listed = next.versions(&name()).unwrap();
        assert_eq!(listed.len(), versions.len(), "after {deaths} writes");
        // The next host stores the same version, and removes what is left of others.
        keep(&next, 2).unwrap();
        assert_eq!(whole(&next), [2]);
        let left = disk.list(&Path::new(STATE).join("versions/p")).unwrap();
        assert_eq!(left.entries.len(), 1, "{:?}", left.entries);
    }
}

#[test]
fn a_full_disk_keeps_the_earlier_version_and_no_part_of_the_new_one() {
    let disk = MemoryDisk::default();
    let store = host(&disk, 3).unwrap();
    keep(&store, 1).unwrap();
    let used = disk.used();
    // Room for the module and a part of the settings.
    disk.set_capacity(Some(used + 30));
    let full = keep(&store, 2).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.used(), used, "half a version would keep the disk full");
    assert_eq!(whole(&store), [1]);
    disk.set_capacity(None);
    keep(&store, 2).unwrap();
    assert_eq!(whole(&store), [2, 1]);
}

#[test]
fn a_second_host_is_turned_away_until_the_first_one_ends() {
    let disk = MemoryDisk::default();
    let first = host(&disk, 1).unwrap();
    let refused = host(&disk, 1).unwrap_err().to_string();
    assert!(refused.starts_with("another host uses it; "), "{refused}");
    let confirmed = UNIX_EPOCH + std::time::Duration::from_hours(500_000);
    first.confirm_status(confirmed).unwrap();
    assert_eq!(
        super::host(&disk, Path::new(STATE)).unwrap(),
        Some(confirmed)
    );
    drop(first);
    assert_eq!(super::host(&disk, Path::new(STATE)).unwrap(), None);
    host(&disk, 1).unwrap();
}
