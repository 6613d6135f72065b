//! Compiled code in the cache on disk: the host uses it only if it is exactly what the host wrote.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use portcullis_core::Verdict;
use portcullis_engine::{
    CodeCacheCounts, CodeCacheOptions, Engine, Grants, Limits, Metered, Policy,
};
use portcullis_test_policies::{engine, engine_with, guest, load_with, request};
use tempfile::TempDir;

/// A directory for a cache. A loaded policy leaves two entries: the component before its settings,
/// and the configured one.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Creates a cache into which `hello` was loaded.
    fn warm() -> Self {
        let place = Self::new();
        assert_eq!(place.start("hello"), counts(0, 2, 0));
        place
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("code")
    }

    /// Creates an engine with a meter, because the policy must also cost the same. The meter's
    /// engine shares the cache.
    fn engine(&self) -> Engine {
        with_cache(CodeCacheOptions::new(self.path()))
    }

    /// Acts as a starting host: loads a policy with this greeting, verifies it, and returns the
    /// cache's counts.
    fn start(&self, greeting: &str) -> CodeCacheCounts {
        let engine = self.engine();
        greet(&engine, greeting);
        engine.code_cache_counts().unwrap()
    }

    /// Returns every file except the key.
    fn entries(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.path()).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.retain(|path| !path.ends_with("key"));
        files.sort();
        files
    }

    fn bytes(&self) -> u64 {
        let sizes = self.entries().into_iter().map(fs::metadata);
        sizes.map(|about| about.unwrap().len()).sum()
    }
}

fn counts(hits: u64, misses: u64, refused: u64) -> CodeCacheCounts {
    CodeCacheCounts {
        hits,
        misses,
        refused,
    }
}

fn with_cache(options: CodeCacheOptions) -> Engine {
    metered(&engine_with(Some(options)))
}

fn metered(engine: &Engine) -> Engine {
    engine.metered().unwrap()
}

fn load(engine: &Engine, greeting: &str) -> Policy {
    let settings = format!(r#"{{"greeting":"{greeting}"}}"#);
    let (limits, grants) = (Limits::default(), Grants::default());
    load_with(engine, &guest("tells"), &settings, limits, grants).unwrap()
}

fn decide(policy: &Policy) -> Metered {
    let deadline = Instant::now() + Duration::from_mins(1);
    policy.evaluate(request(), deadline).run_metered(1 << 40)
}

/// Loads a policy with this greeting, and verifies it.
fn greet(engine: &Engine, greeting: &str) {
    match decide(&load(engine, greeting)).verdict {
        Ok(Verdict::Deny(reason)) => {
            assert!(
                reason.starts_with(&format!("greeting={greeting};")),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_policy_from_a_warm_cache_decides_the_same() {
    let place = Place::warm();
    let warm = place.engine();
    let from_cache = decide(&load(&warm, "hello"));
    assert_eq!(warm.code_cache_counts(), Some(counts(2, 0, 0)));
    assert_eq!(from_cache, decide(&load(&metered(&engine()), "hello")));
    assert_eq!(metered(&engine()).code_cache_counts(), None);
}

#[test]
fn a_policy_is_not_served_with_the_settings_of_an_earlier_load() {
    let place = Place::warm();
    // The module is equal, the configured component is not.
    assert_eq!(place.start("goodbye"), counts(1, 1, 0));
    assert_eq!(place.start("hello"), counts(2, 0, 0));
    assert_eq!(place.start("goodbye"), counts(2, 0, 0));
}

#[test]
fn no_other_user_can_read_the_cache() {
    let place = Place::warm();
    assert_eq!(mode(&place.path()), 0o700);
    assert_eq!(mode(&place.path().join("key")), 0o600);
    let entries = place.entries();
    assert_eq!(entries.len(), 2);
    for entry in entries {
        assert_eq!(mode(&entry), 0o600, "{}", entry.display());
    }
}

/// Replaces the first entry by what `spoil` makes of it. Verifies that the host rejects it and
/// writes a good one.
fn is_refused_and_replaced(place: &Place, what: &str, spoil: impl Fn(&mut Vec<u8>)) {
    let entry = place.entries().remove(0);
    let mut bytes = fs::read(&entry).unwrap();
    spoil(&mut bytes);
    fs::write(&entry, &bytes).unwrap();
    assert_eq!(place.start("hello"), counts(1, 1, 1), "{what}");
    assert!(fs::read(&entry).unwrap() != bytes, "{what}");
    assert_eq!(place.start("hello"), counts(2, 0, 0), "{what}");
}

#[test]
fn an_entry_with_a_flipped_byte_is_refused_and_replaced() {
    let place = Place::warm();
    // The header's magic and its two digests.
    for at in [0, 27, 28, 59, 60, 91] {
        is_refused_and_replaced(&place, &format!("byte {at}"), |bytes| bytes[at] ^= 1);
    }
    // All of the code, and the tag.
    for part in 0..8 {
        let what = format!("part {part} of the code");
        is_refused_and_replaced(&place, &what, |bytes| {
            let at = 92 + (bytes.len() - 92 - 33) / 7 * part;
            bytes[at] ^= 0x10;
        });
    }
    for back in [1, 32, 33] {
        is_refused_and_replaced(&place, &format!("byte -{back}"), |bytes| {
            let at = bytes.len() - back;
            bytes[at] ^= 0x80;
        });
    }
}

#[test]
fn an_entry_of_another_length_is_refused_and_replaced() {
    let place = Place::warm();
    for length in [0, 31, 32, 92, 124, 4096] {
        let what = format!("{length} bytes");
        is_refused_and_replaced(&place, &what, |bytes| bytes.truncate(length));
    }
    is_refused_and_replaced(&place, "all but one", |bytes| {
        bytes.pop();
    });
    is_refused_and_replaced(&place, "one more", |bytes| bytes.push(0));
}

#[test]
fn an_entry_under_the_name_of_another_is_refused_and_replaced() {
    let place = Place::warm();
    let [first, second] = <[PathBuf; 2]>::try_from(place.entries()).unwrap();
    let (one, two) = (fs::read(&first).unwrap(), fs::read(&second).unwrap());
    fs::write(&first, &two).unwrap();
    fs::write(&second, &one).unwrap();
    assert_eq!(place.start("hello"), counts(0, 2, 2));
    assert_eq!(place.start("hello"), counts(2, 0, 0));
}

#[test]
fn an_entry_of_another_host_is_refused_and_replaced() {
    let (place, other) = (Place::warm(), Place::warm());
    for entry in place.entries() {
        fs::copy(other.path().join(entry.file_name().unwrap()), &entry).unwrap();
    }
    assert_eq!(place.start("hello"), counts(0, 2, 2));
    assert_eq!(place.start("hello"), counts(2, 0, 0));
}

#[test]
fn what_cannot_be_replaced_costs_a_compilation_and_no_more() {
    let place = Place::warm();
    let entry = place.entries().remove(0);
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    assert_eq!(place.start("hello"), counts(1, 1, 1));
    assert_eq!(place.entries().len(), 2, "nothing is left next to it");
}

#[test]
fn a_directory_that_others_can_use_is_not_used() {
    for mode in [0o777, 0o770, 0o720, 0o702, 0o750, 0o701] {
        let place = Place::warm();
        set_mode(&place.path(), mode);
        let engine = place.engine();
        assert_eq!(engine.code_cache_counts(), None, "{mode:o}");
        greet(&engine, "goodbye");
        assert_eq!(place.entries().len(), 2, "{mode:o}");
    }
}

#[test]
fn a_directory_of_another_user_is_not_used() {
    let place = Place::warm();
    // Only root can change the owner of a directory, and only root could still write to it.
    if chown(place.path(), Some(65534), None).is_ok() {
        let engine = place.engine();
        assert_eq!(engine.code_cache_counts(), None);
        greet(&engine, "hello");
        assert_eq!(place.entries().len(), 2);
    }
}

#[test]
fn what_is_no_directory_is_not_used() {
    let elsewhere = Place::warm();
    let place = Place::new();
    symlink(elsewhere.path(), place.path()).unwrap();
    let engine = place.engine();
    assert_eq!(engine.code_cache_counts(), None);
    greet(&engine, "hello");

    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    let engine = place.engine();
    assert_eq!(engine.code_cache_counts(), None);
    greet(&engine, "hello");
}

#[test]
fn a_key_that_cannot_be_trusted_is_replaced_and_what_it_signed_is_refused() {
    type Spoil = fn(&Path);
    let ways: [(&str, Spoil); 6] = [
        ("missing", |key| fs::remove_file(key).unwrap()),
        ("empty", |key| fs::write(key, b"").unwrap()),
        ("short", |key| {
            let short = fs::read(key).unwrap()[..31].to_vec();
            fs::write(key, short).unwrap();
        }),
        ("long", |key| {
            let long = [fs::read(key).unwrap(), vec![0]].concat();
            fs::write(key, long).unwrap();
        }),
        ("readable by others", |key| set_mode(key, 0o640)),
        ("a link", |key| {
            let moved = key.with_file_name(".moved");
            fs::rename(key, &moved).unwrap();
            symlink(moved, key).unwrap();
        }),
    ];
    for (way, spoil) in ways {
        let place = Place::warm();
        let key = place.path().join("key");
        let before = fs::read(&key).unwrap();
        spoil(&key);
        assert_eq!(place.start("hello"), counts(0, 2, 2), "{way}");
        let after = fs::read(&key).unwrap();
        assert_eq!((after.len(), mode(&key)), (32, 0o600), "{way}");
        assert!(fs::symlink_metadata(&key).unwrap().is_file(), "{way}");
        assert_ne!(before, after, "{way}");
        assert_eq!(place.start("hello"), counts(2, 0, 0), "{way}");
    }
}

#[test]
fn engines_share_a_directory() {
    let place = Place::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| place.start("hello"));
        }
    });
    assert_eq!(place.start("hello"), counts(2, 0, 0));
    assert_eq!(place.entries().len(), 2, "nothing is left beside them");
}

#[test]
fn engines_that_start_together_agree_on_a_key() {
    for _ in 0..8 {
        let place = Place::new();
        let together = Barrier::new(6);
        let engines: Vec<_> = thread::scope(|scope| {
            let start = || {
                together.wait();
                place.engine()
            };
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(start)).collect();
            let engines = threads.into_iter().map(|thread| thread.join().unwrap());
            engines.collect()
        });
        for engine in &engines {
            greet(engine, "hello");
        }
        let all: Vec<_> = engines.iter().map(Engine::code_cache_counts).collect();
        assert_eq!(all[0], Some(counts(0, 2, 0)));
        assert!(
            all[1..].iter().all(|one| *one == Some(counts(2, 0, 0))),
            "{all:?}"
        );
    }
}

#[test]
fn no_more_is_kept_than_there_may_be_and_what_was_used_last_stays() {
    let place = Place::warm();
    // A size for three entries, and not for four.
    let largest = place.entries().into_iter().map(fs::metadata);
    let largest = largest.map(|about| about.unwrap().len()).max().unwrap();
    let bytes = place.bytes() + largest + largest / 2;
    let options = CodeCacheOptions {
        max_bytes: bytes,
        ..CodeCacheOptions::new(place.path())
    };
    let engine = with_cache(options);
    for number in 0..5 {
        greet(&engine, &format!("number {number}"));
        // Loads `hello` between the others, so that it is never the least recently used entry.
        greet(&engine, "hello");
        assert!(place.bytes() <= bytes, "{}", place.bytes());
    }
    assert_eq!(place.entries().len(), 3);
    // `hello` was always in the cache, and all policies share the component before its settings.
    assert_eq!(engine.code_cache_counts(), Some(counts(15, 5, 0)));
    assert_eq!(place.start("number 4"), counts(2, 0, 0));
    assert_eq!(place.start("number 0"), counts(1, 1, 0));
}

#[test]
fn what_is_larger_than_the_cache_is_not_kept() {
    let place = Place::new();
    let options = CodeCacheOptions {
        max_bytes: 1000,
        ..CodeCacheOptions::new(place.path())
    };
    for _ in 0..2 {
        let engine = with_cache(options.clone());
        greet(&engine, "hello");
        assert_eq!(engine.code_cache_counts(), Some(counts(0, 2, 0)));
        assert_eq!(place.entries(), Vec::<PathBuf>::new());
    }

    // An entry that does not fit evicts no other.
    let warm = Place::warm();
    let sizes = warm.entries().into_iter().map(fs::metadata);
    let sizes: Vec<_> = sizes.map(|about| about.unwrap().len()).collect();
    let options = CodeCacheOptions {
        max_bytes: sizes.iter().sum::<u64>() / 2,
        ..options
    };
    greet(&with_cache(options.clone()), "hello");
    let engine = with_cache(options);
    greet(&engine, "hello");
    assert_eq!(engine.code_cache_counts(), Some(counts(1, 1, 0)));
}

#[test]
fn what_a_crash_left_behind_goes_with_time() {
    let place = Place::warm();
    let left = place.path().join(".0123456789abcdef");
    let file = File::create(&left).unwrap();
    file.set_len(1 << 20).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let options = CodeCacheOptions {
        max_bytes: place.bytes(),
        ..CodeCacheOptions::new(place.path())
    };
    greet(&with_cache(options), "goodbye");
    assert!(!left.exists());
    assert_eq!(place.entries().len(), 3);
}
