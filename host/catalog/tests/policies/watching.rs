//! Notifications, polling and threads of the watcher.

use std::fs;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use portcullis_catalog::{Catalog, CatalogOptions, Watcher};
use portcullis_test_policies::{PATIENCE, guest};

use crate::site::{Site, greeting, names, open};

/// Waits until the greeting of `catalog` is `wanted`. Polls the catalog in this thread.
pub(crate) fn await_greeting(catalog: &Catalog, wanted: &str) {
    let (_never, wait) = mpsc::channel::<()>();
    let started = Instant::now();
    while names(catalog).is_empty() || greeting(catalog) != wanted {
        assert!(started.elapsed() < PATIENCE, "still not `{wanted}`");
        let _timeout = wait.recv_timeout(Duration::from_millis(5));
    }
}

#[test]
fn the_watcher_sees_writes_renames_and_new_directories() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    site.put_greeting("p.toml", "one");
    let (catalog, _) = site.open();
    let watcher = Watcher::start(catalog.clone()).unwrap();

    site.put_greeting("p.toml", "written");
    await_greeting(&catalog, "greeting=written");

    site.put_greeting(".p.toml.tmp", "renamed");
    fs::rename(site.path().join(".p.toml.tmp"), site.path().join("p.toml")).unwrap();
    await_greeting(&catalog, "greeting=renamed");

    let aside = site.path().with_extension("aside");
    fs::rename(site.path(), &aside).unwrap();
    fs::create_dir(site.path()).unwrap();
    site.put("p.wasm", &guest("tells"));
    site.put_greeting("p.toml", "anew");
    watcher.trigger().reload();
    await_greeting(&catalog, "greeting=anew");
    site.put_greeting("p.toml", "watched again");
    await_greeting(&catalog, "greeting=watched again");
    fs::remove_dir_all(aside).unwrap();
}

#[test]
fn the_watcher_follows_the_symlinks_of_a_kubernetes_volume() {
    let site = Site::new(&[]);
    let version = |name: &str, greeting: &str| {
        fs::create_dir(site.path().join(name)).unwrap();
        site.put(&format!("{name}/p.wasm"), &guest("tells"));
        site.put_greeting(&format!("{name}/p.toml"), greeting);
    };
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, site.path().join(name)).unwrap();
    };
    version("..v1", "one");
    link("..v1", "..data");
    link("..data/p.wasm", "p.wasm");
    link("..data/p.toml", "p.toml");
    let (catalog, _) = site.open();
    let _watcher = Watcher::start(catalog.clone()).unwrap();
    assert_eq!(greeting(&catalog), "greeting=one");
    version("..v2", "two");
    link("..v2", "..data_tmp");
    fs::rename(site.path().join("..data_tmp"), site.path().join("..data")).unwrap();
    await_greeting(&catalog, "greeting=two");
}

#[test]
fn polling_alone_is_enough() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    // A symbolic link to a different directory causes no events: only the poll can detect the
    // change.
    let elsewhere = Site::new(&[]);
    elsewhere.put_greeting("p.toml", "one");
    let link = site.path().join("p.toml");
    std::os::unix::fs::symlink(elsewhere.path().join("p.toml"), link).unwrap();
    let (catalog, _) = open(CatalogOptions {
        poll_interval: Duration::from_millis(20),
        ..site.options()
    });
    let _watcher = Watcher::start(catalog.clone()).unwrap();
    elsewhere.put_greeting("p.toml", "two");
    await_greeting(&catalog, "greeting=two");
}

#[test]
fn a_file_that_is_still_being_written_is_not_loaded() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    site.put_greeting("p.toml", "one");
    let debounce = Duration::from_secs(1);
    let (catalog, _) = open(CatalogOptions {
        debounce,
        poll_interval: Duration::from_millis(50),
        ..site.options()
    });
    let _watcher = Watcher::start(catalog.clone()).unwrap();
    let (_never, wait) = mpsc::channel::<()>();
    let started = Instant::now();
    // Every state of the file is valid and differs from the others; only the last one may be
    // loaded.
    while started.elapsed() < debounce * 5 / 2 {
        site.put_greeting("p.toml", &format!("after {:?}", started.elapsed()));
        let _timeout = wait.recv_timeout(Duration::from_millis(50));
        fs::remove_file(site.path().join("p.toml")).unwrap();
    }
    site.put_greeting("p.toml", "whole");
    await_greeting(&catalog, "greeting=whole");
    let generation = catalog.snapshot().policies().next().unwrap().generation;
    assert_eq!(
        generation, 2,
        "nothing was loaded between the first version and the last"
    );
}

#[test]
fn asking_for_a_reload_does_not_wait_for_quiet() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    site.put_greeting("p.toml", "one");
    let (catalog, _) = open(CatalogOptions {
        debounce: PATIENCE * 10,
        poll_interval: PATIENCE * 10,
        ..site.options()
    });
    let watcher = Watcher::start(catalog.clone()).unwrap();
    site.put_greeting("p.toml", "two");
    watcher.trigger().reload();
    await_greeting(&catalog, "greeting=two");
}

#[test]
fn a_policy_that_takes_too_long_to_load_delays_no_login() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("spins_in_configure"));
    site.put("q.wasm", &guest("abstains"));
    let (catalog, report) = open(CatalogOptions {
        load_timeout: Duration::from_secs(4),
        ..site.options()
    });
    let rejection = report.rejections().next().unwrap();
    let error = "not loaded within 4s; raise `load-timeout` under [policies] if that is meant";
    assert_eq!(rejection.error, error);
    assert_eq!(names(&catalog), ["q"]);
}

/// Returns a thread's name and niceness, from its line in `/proc` (`proc_pid_stat(5)`, fields 2 and
/// 19).
#[cfg(target_os = "linux")]
fn niceness(stat: &str) -> (&str, i32) {
    let (head, fields) = stat.rsplit_once(") ").unwrap();
    let (_, name) = head.split_once('(').unwrap();
    (name, fields.split(' ').nth(16).unwrap().parse().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_loaded_while_others_log_in_is_compiled_by_threads_that_give_way() {
    let site = Site::new(&[]);
    site.put("a.wasm", &guest("counts"));
    let (catalog, _) = site.open();
    site.put("a.wasm", &guest("abstains"));
    catalog.reload().unwrap();
    assert_eq!(names(&catalog), ["a"]);
    let own = fs::read_to_string("/proc/thread-self/stat").unwrap();
    let (_, own) = niceness(&own);
    let threads = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end before its line is read.
    let stats =
        threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).ok());
    let gives_way = |stat: String| {
        let (name, niceness) = niceness(&stat);
        // The kernel keeps fifteen characters of a name.
        name == "portcullis-comp" && niceness == (own + 10).min(19)
    };
    assert!(stats.into_iter().any(gives_way));
}
