//! Files that another user planted in the policy directory or in the state directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nkeys::KeyPair;
use portcullis_catalog::{
    Catalog, CatalogOptions, Freshness, Report, Statement, Watcher, sign_stating,
};
use portcullis_core::Allowed;
use portcullis_test_policies::{PATIENCE, guest};
use tempfile::TempDir;

use crate::prover::child;
use crate::site::{Site, denial, greeting, names, open};

/// Returns the errors of a report, each with the name of its file.
fn rejections(report: &Report) -> Vec<String> {
    let rejections = report.rejections().map(|one| {
        let file = one.file.file_name().unwrap().to_string_lossy();
        format!("{file}: {}", one.error)
    });
    rejections.collect()
}

/// Creates a site whose policy `p` greets with `one`.
fn greeter() -> Site {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    site.put_greeting("p.toml", "one");
    site
}

/// Waits until `catalog` satisfies `condition`. Polls it in this thread.
fn wait_until(catalog: &Catalog, condition: impl Fn(&Catalog) -> bool) {
    let (_never, wait) = mpsc::channel::<()>();
    let started = Instant::now();
    while !condition(catalog) {
        assert!(started.elapsed() < PATIENCE, "{:?}", catalog.status());
        let _timeout = wait.recv_timeout(Duration::from_millis(5));
    }
}

#[test]
fn more_than_the_directory_may_hold_is_refused_by_name_and_what_serves_goes_on() {
    let site = greeter();
    let (catalog, _) = site.open();
    // The files have no blocks, so that they take no space on disk. Their names come before `p`.
    for number in 0..21 {
        for (end, size) in [("wasm", 1 << 20), ("toml", 32 << 20)] {
            let path = site.path().join(format!("big{number}.{end}"));
            let file = fs::File::create(path).unwrap();
            file.set_len(size).unwrap();
        }
    }
    site.put_greeting("p.toml", "two");
    let report = catalog.reload().unwrap();
    assert_eq!(greeting(&catalog), "greeting=two");
    let errors = rejections(&report);
    let full = errors.iter().filter(|error| {
        error.contains("the policy directory has more than 536870912 bytes of policies")
    });
    // 16 of these 21 policies are not too many.
    assert_eq!((errors.len(), full.count()), (21, 6), "{errors:?}");
    // After a restart nothing serves, and small policies come first.
    let (catalog, _) = site.open();
    assert_eq!(greeting(&catalog), "greeting=two");
}

#[test]
fn a_link_that_leads_nowhere_does_not_count_as_a_missing_file() {
    let site = greeter();
    let (catalog, _) = site.open();
    let settings = site.path().join("p.toml");
    fs::remove_file(&settings).unwrap();
    symlink("nowhere", &settings).unwrap();
    let report = catalog.reload().unwrap();
    let dangling = "p.toml: is a link to a file that does not exist";
    assert_eq!(rejections(&report), [dangling]);
    assert_eq!(greeting(&catalog), "greeting=one");
}

#[test]
fn a_policy_does_not_get_the_settings_of_another_one() {
    let site = greeter();
    site.put("evil.wasm", &guest("tells"));
    let link = site.path().join("evil.toml");
    let absolute = site.path().join("p.toml");
    for target in ["p.toml".as_ref(), "./p.toml".as_ref(), absolute.as_path()] {
        symlink(target, &link).unwrap();
        let (catalog, report) = site.open();
        let refused = "evil.toml: is a link to `p.toml`, a file of another policy: copy that file, or \
                       link both to one outside of the policy directory";
        assert_eq!(rejections(&report), [refused]);
        assert_eq!(names(&catalog), ["p"]);
        fs::remove_file(&link).unwrap();
    }
    // A file that belongs to no policy of the directory may be the settings of several.
    let shared = TempDir::new().unwrap();
    let file = shared.path().join("greeting.toml");
    fs::rename(&absolute, &file).unwrap();
    symlink(&file, &absolute).unwrap();
    symlink(&file, &link).unwrap();
    let (catalog, _) = site.open();
    assert_eq!(names(&catalog), ["evil", "p"]);
}

#[test]
fn a_policy_does_not_read_what_only_the_host_may_read() {
    let site = greeter();
    let elsewhere = TempDir::new().unwrap();
    let seed = elsewhere.path().join("issuer.nk");
    fs::write(&seed, "SA-SECRET").unwrap();
    let texts = ["p.cedar", "p.rego", "p.tests.toml"];
    let mode = |bits| fs::set_permissions(site.path(), fs::Permissions::from_mode(bits)).unwrap();
    for name in texts {
        let link = site.path().join(name);
        symlink(&seed, &link).unwrap();
        for bits in [0o777, 0o775] {
            mode(bits);
            let (catalog, report) = site.open();
            let refused = rejections(&report).join("\n");
            assert!(refused.contains("other users can make links"), "{refused}");
            assert!(!refused.contains("SECRET"), "{refused}");
            assert!(names(&catalog).is_empty());
        }
        fs::remove_file(&link).unwrap();
    }
    // A hard link, and a link to one within the directory.
    let (hard, soft) = (site.path().join("data"), site.path().join("p.rego"));
    fs::hard_link(&seed, &hard).unwrap();
    symlink("data", &soft).unwrap();
    for _ in 0..2 {
        let (catalog, report) = site.open();
        let refused = rejections(&report).join("\n");
        assert!(
            refused.contains("is a hard link to a file of the host's"),
            "{refused}"
        );
        assert!(names(&catalog).is_empty());
        fs::remove_file(&soft).unwrap();
        if hard.exists() {
            fs::rename(&hard, &soft).unwrap();
        }
    }
    // Kubernetes links to files within the directory.
    let data = site.path().join("..data");
    fs::create_dir(&data).unwrap();
    fs::rename(site.path().join("p.toml"), data.join("p.toml")).unwrap();
    symlink("..data/p.toml", site.path().join("p.toml")).unwrap();
    let (catalog, _) = site.open();
    assert_eq!(greeting(&catalog), "greeting=one");
    // Only the host's user writes to the directory.
    mode(0o755);
    let outside = elsewhere.path().join("p.toml");
    fs::rename(data.join("p.toml"), &outside).unwrap();
    fs::remove_file(site.path().join("p.toml")).unwrap();
    symlink(&outside, site.path().join("p.toml")).unwrap();
    let (catalog, _) = site.open();
    assert_eq!(greeting(&catalog), "greeting=one");
}

#[test]
fn a_policy_does_not_get_the_settings_of_another_one_by_a_hard_link() {
    let site = greeter();
    let at = |name: &str| site.path().join(name);
    // Deployments link equal modules.
    fs::hard_link(at("p.wasm"), at("evil.wasm")).unwrap();
    site.put_greeting("evil.toml", "mine");
    let (catalog, _) = site.open();
    assert_eq!(names(&catalog), ["evil", "p"]);

    fs::remove_file(at("evil.toml")).unwrap();
    fs::hard_link(at("p.toml"), at("evil.toml")).unwrap();
    let refused = |file: &str, target: &str| {
        format!(
            "{file}: is a hard link to `{target}`, a file of another policy: copy that file, or make the two differ if \
             a tool links equal files"
        )
    };
    let report = catalog.reload().unwrap();
    let both = [
        refused("evil.toml", "p.toml"),
        refused("p.toml", "evil.toml"),
    ];
    assert_eq!(rejections(&report), both);
    assert_eq!(names(&catalog), ["evil", "p"], "good versions serve on");

    // The same through a symbolic link to another name of the file.
    let outside = TempDir::new_in(site.path()).unwrap();
    let name = outside.path().join("name");
    fs::rename(at("evil.toml"), &name).unwrap();
    symlink(&name, at("evil.toml")).unwrap();
    let (catalog, report) = site.open();
    assert_eq!(rejections(&report), [refused("evil.toml", "p.toml")]);
    assert_eq!(names(&catalog), ["p"]);
}

#[test]
fn a_version_that_is_slow_to_prove_delays_no_other() {
    let site = greeter();
    // The second has served, and its next version is slow.
    site.put("turned.wasm", &guest("abstains"));
    let (catalog, _) = open(CatalogOptions {
        load_timeout: Duration::from_hours(1),
        prover: child(),
        max_module_size: 8 << 20,
        ..site.options()
    });
    let _watcher = Watcher::start(catalog.clone()).unwrap();
    for slow in ["new", "newer", "turned"] {
        site.put(&format!("{slow}.wasm"), &guest("spins_in_configure"));
    }
    // Each is a pass of its own, with the slow ones under way at the latest in the second.
    for text in ["two", "three", "four"] {
        site.put_greeting("p.toml", text);
        wait_until(&catalog, |catalog| {
            greeting(catalog) == format!("greeting={text}")
        });
    }
    // What replaces a version that is under way does not wait for it.
    site.put("turned.wasm", &guest("tells"));
    site.put_greeting("turned.toml", "mended");
    site.remove("p.wasm");
    site.remove("p.toml");
    wait_until(&catalog, |catalog| {
        names(catalog) == ["turned"] && denial(catalog).1.starts_with("greeting=mended")
    });
    site.put("new.wasm", &guest("abstains"));
    site.remove("newer.wasm");
    wait_until(&catalog, |catalog| names(catalog) == ["new", "turned"]);
}

#[test]
fn numbers_in_a_directory_that_is_not_trusted_are_not_believed() {
    let site = greeter();
    let key = KeyPair::new_account();
    let number = Statement {
        number: 1,
        files: None,
    };
    let signed = sign_stating(&guest("tells"), &key, number).unwrap();
    site.put("p.wasm", &signed);
    let state = TempDir::new().unwrap();
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let planted = format!(
        r#"{{"p": {{"number": 1000, "module": "sha256:{}"}}}}"#,
        "0".repeat(64)
    );
    fs::write(state.path().join("releases.json"), planted).unwrap();
    let (catalog, report) = open(CatalogOptions {
        trusted_publishers: Allowed::only([key.public_key().parse().unwrap()]).unwrap(),
        state_directory: Some(state.path().to_owned()),
        ..site.options()
    });
    assert_eq!(rejections(&report), Vec::<String>::new());
    assert_eq!(greeting(&catalog), "greeting=one");
}

#[test]
fn a_fifo_in_the_place_of_the_lock_is_not_waited_for() {
    let site = greeter();
    let state = TempDir::new().unwrap();
    let lock = state.path().join("lock");
    let made = std::process::Command::new("mkfifo").arg(lock).status();
    assert!(made.unwrap().success());
    let options = CatalogOptions {
        state_directory: Some(state.path().to_owned()),
        ..site.options()
    };
    let (sender, receiver) = mpsc::channel();
    let directory = state.path().to_owned();
    std::thread::spawn(move || {
        let (catalog, _) = open(options);
        let freshness = Freshness::read(&directory, PATIENCE).map_err(|error| error.to_string());
        let _ = sender.send((
            greeting(&catalog),
            catalog.numbers().state_usable,
            freshness,
        ));
    });
    let (greeting, usable, freshness) = receiver.recv_timeout(PATIENCE).expect("it hangs");
    assert_eq!((greeting.as_str(), usable), ("greeting=one", Some(false)));
    let error = "`lock` in it is not a regular file: remove it";
    assert_eq!(freshness, Err(error.to_owned()));
}
