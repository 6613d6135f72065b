//! Failures of a disk that real ones do not show on demand, with a disk in memory.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use portcullis_catalog::{
    Catalog, CatalogOptions, Change, DirectoryEvents, Status, Watcher, Watching,
};
use portcullis_files::{Disk as _, MemoryDisk, Operation};
use portcullis_test_policies::{PATIENCE, guest};

use crate::kept::name;
use crate::site::{greeting, open};
use crate::watching::await_greeting;

const DIRECTORY: &str = "/site/policies";
const STATE: &str = "/site/state";

/// Returns a disk with the guest `tells`, which greets with `one`.
fn disk() -> MemoryDisk {
    let disk = MemoryDisk::default();
    put_policy(&disk, "one");
    disk
}

fn put_policy(disk: &MemoryDisk, greeting: &str) {
    disk.put(Path::new(DIRECTORY).join("p.wasm"), &guest("tells"));
    put_greeting(disk, greeting);
}

fn put_greeting(disk: &MemoryDisk, greeting: &str) {
    let settings = format!("[settings]\ngreeting = \"{greeting}\"\n");
    disk.put(Path::new(DIRECTORY).join("p.toml"), settings.as_bytes());
}

fn options(disk: &MemoryDisk) -> CatalogOptions {
    CatalogOptions {
        disk: Arc::new(disk.clone()),
        state_directory: Some(STATE.into()),
        poll_interval: PATIENCE,
        debounce: Duration::from_millis(1),
        ..CatalogOptions::new(DIRECTORY)
    }
}

fn status(disk: &MemoryDisk) -> Status {
    let file = Path::new(STATE).join(Status::FILE);
    let content = disk.read(&file, 1 << 20).unwrap();
    serde_json::from_slice(&content.bytes).unwrap()
}

fn kept(catalog: &Catalog) -> Vec<u64> {
    let status = catalog.status();
    let policy = status.policies.first().unwrap();
    policy.kept.clone()
}

#[test]
fn a_version_serves_and_counts_as_not_kept_while_the_disk_is_full() {
    let disk = disk();
    let (catalog, _) = open(options(&disk));
    assert_eq!(kept(&catalog), [1]);
    put_greeting(&disk, "two");
    // Room for a part of the module.
    disk.set_capacity(Some(disk.used() + 1_000));
    let used = disk.used();
    let report = catalog.reload().unwrap();
    assert!(
        matches!(report.changes[..], [Change::Loaded(_)]),
        "{report:?}"
    );
    assert_eq!(greeting(&catalog), "greeting=two");
    let numbers = catalog.numbers();
    assert!(numbers.not_kept.contains(&name()));
    assert_eq!(
        (numbers.state_write_failures, numbers.state_usable),
        (1, Some(true))
    );
    assert_eq!(kept(&catalog), [1]);
    assert!(disk.used() < used + 1_000, "no half of the version is left");

    disk.set_capacity(None);
    // The next pass keeps it, although nothing has changed.
    let report = catalog.reload().unwrap();
    assert!(report.changes.is_empty(), "{report:?}");
    assert!(catalog.numbers().not_kept.is_empty());
    assert_eq!(kept(&catalog), [2, 1]);
    assert_eq!(status(&disk).policies[0].kept, [2, 1]);
}

#[test]
fn a_state_directory_that_was_removed_is_made_again_with_the_versions_in_service() {
    let disk = disk();
    let (catalog, _) = open(options(&disk));
    put_greeting(&disk, "two");
    catalog.reload().unwrap();
    assert_eq!(kept(&catalog), [2, 1]);
    let before = status(&disk);
    disk.take_away(STATE);

    let report = catalog.reload().unwrap();

    assert!(report.changes.is_empty(), "{report:?}");
    assert_eq!(kept(&catalog), [2]);
    assert!(catalog.numbers().not_kept.is_empty());
    let after = status(&disk);
    assert_eq!(after.policies[0].kept, [2]);
    assert_eq!(after.policies[0].serving, before.policies[0].serving);
    // The new directory is locked against other hosts, as the first one was.
    let lock = Path::new(STATE).join("lock");
    assert!(disk.locked_time(&lock).unwrap().is_some());
}

#[test]
fn a_status_is_stale_while_the_disk_is_full() {
    let disk = disk();
    let (catalog, _) = open(options(&disk));
    let before = status(&disk);
    disk.put(Path::new(DIRECTORY).join("p.wasm"), b"\0asm broken");
    disk.set_capacity(Some(disk.used()));
    catalog.reload().unwrap();
    assert!(catalog.numbers().status_stale);
    assert_eq!(status(&disk), before);
    disk.set_capacity(None);
    catalog.reload().unwrap();
    assert!(!catalog.numbers().status_stale);
    assert!(
        status(&disk).policies[0]
            .last_attempt
            .as_ref()
            .unwrap()
            .error
            .is_some()
    );
}

#[test]
fn a_read_that_fails_in_the_middle_leaves_the_earlier_version_in_service() {
    let disk = disk();
    let (catalog, _) = open(options(&disk));
    put_greeting(&disk, "two");
    // The settings are surveyed, and fail when they are read.
    disk.set_hook(|operation, path| match operation {
        Operation::Read if path.ends_with("p.toml") => Err(io::Error::other("input/output error")),
        _ => Ok(()),
    });
    let report = catalog.reload().unwrap();
    let [Change::Rejected(rejection)] = &report.changes[..] else {
        panic!("{report:?}");
    };
    assert_eq!(rejection.error, "cannot be read: input/output error");
    assert_eq!(rejection.file, Path::new(DIRECTORY).join("p.toml"));
    assert!(rejection.serving.is_some());
    assert_eq!(greeting(&catalog), "greeting=one");
    disk.remove_hook();
    catalog.reload().unwrap();
    assert_eq!(greeting(&catalog), "greeting=two");
}

#[test]
fn a_directory_that_vanishes_takes_no_policy_out_of_service() {
    let disk = disk();
    let (catalog, _) = open(options(&disk));
    // The directory vanishes after it was listed.
    let within = disk.clone();
    disk.set_hook(move |operation, _| {
        if operation == Operation::Survey {
            within.take_away(DIRECTORY);
        }
        Ok(())
    });
    let report = catalog.reload().unwrap();
    let [Change::Rejected(rejection)] = &report.changes[..] else {
        panic!("{report:?}");
    };
    assert_eq!(rejection.error, "does not exist");
    assert!(!catalog.numbers().directory_failing);
    // From now on it is not there at all.
    let error = catalog.reload().unwrap_err().to_string();
    assert_eq!(
        error,
        format!("cannot read the policy directory `{DIRECTORY}`")
    );
    assert!(catalog.numbers().directory_failing);
    assert_eq!(greeting(&catalog), "greeting=one");
    disk.remove_hook();
    put_policy(&disk, "two");
    catalog.reload().unwrap();
    assert!(!catalog.numbers().directory_failing);
    assert_eq!(greeting(&catalog), "greeting=two");
}

/// A source of events that a test makes. Each watch is sent to the test.
#[derive(Debug)]
struct MadeEvents(Sender<Event>);

/// Calls the watcher, as an event would.
type Event = Box<dyn Fn() + Send>;

struct Made;

impl Watching for Made {}

impl DirectoryEvents for MadeEvents {
    fn watch(&self, _: &Path, _: Duration, changed: Event) -> io::Result<Box<dyn Watching>> {
        // The test may have ended.
        let _ = self.0.send(changed);
        Ok(Box::new(Made))
    }
}

#[test]
fn an_event_starts_a_pass_and_a_new_directory_is_watched_again() {
    let disk = disk();
    let (sender, armed): (_, Receiver<Event>) = channel();
    let (catalog, _) = open(CatalogOptions {
        events: Arc::new(MadeEvents(sender)),
        poll_interval: PATIENCE * 10,
        ..options(&disk)
    });
    let watcher = Watcher::start(catalog.clone()).unwrap();
    let event = armed.recv_timeout(PATIENCE).unwrap();
    put_greeting(&disk, "two");
    event();
    await_greeting(&catalog, "greeting=two");

    disk.take_away(DIRECTORY);
    put_policy(&disk, "three");
    watcher.trigger().reload();
    let event = armed.recv_timeout(PATIENCE).unwrap();
    await_greeting(&catalog, "greeting=three");
    put_greeting(&disk, "four");
    event();
    await_greeting(&catalog, "greeting=four");
}
