//! A directory of policies: additions, replacements, broken files and removals, and the versions in
//! service.

use std::fs;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use portcullis_catalog::{Catalog, CatalogOptions, MaxLimits, PolicyGrants, Watcher};
use portcullis_core::DenialClass;
use portcullis_engine::Limits;
use portcullis_harness::Built;

use crate::site::{PATIENCE, Site, decide, denial, greeting, names, open};
use crate::support::{engine, guest, request};

#[test]
fn an_empty_directory_denies_by_name() {
    let (catalog, report) = Site::new(&[]).open();
    assert!(report.changes.is_empty());
    assert_eq!(denial(&catalog).0, DenialClass::NoPolicy);
}

#[test]
fn the_chain_follows_file_names_and_ends_in_a_named_deny() {
    let site = Site::new(&[]);
    site.put("20-b.wasm", &guest("abstains"));
    site.put("10-a.wasm", &guest("abstains"));
    let (catalog, _) = site.open();
    assert_eq!(names(&catalog), ["10-a", "20-b"]);
    let decision = decide(&catalog);
    assert_eq!(
        decision
            .abstained
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["10-a", "20-b"]
    );
    assert_eq!(denial(&catalog).0, DenialClass::EndOfChain);
    assert_eq!(decision.policy, None);
}

#[test]
fn listed_policies_come_first_and_are_required() {
    let site = Site::new(&["z", "guard"]);
    site.put("a.wasm", &guest("counts"));
    site.put("z.wasm", &guest("abstains"));
    let (catalog, _) = site.open();
    assert_eq!(names(&catalog), ["z", "a"]);
    let (class, reason) = denial(&catalog);
    assert_eq!(class, DenialClass::NoPolicy);
    assert!(reason.contains("`guard`"), "{reason}");
    site.put("guard.wasm", &guest("abstains"));
    catalog.reload().unwrap();
    assert_eq!(names(&catalog), ["z", "guard", "a"]);
    assert_eq!(denial(&catalog).1, "decision 1");
}

#[test]
fn a_broken_policy_is_reported_and_the_others_serve() {
    let site = Site::new(&[]);
    site.put("bad.wasm", b"nonsense");
    site.put("good.wasm", &guest("counts"));
    let (catalog, report) = site.open();
    let rejections: Vec<_> = report.rejections().collect();
    assert_eq!(rejections.len(), 1);
    assert_eq!(rejections[0].file, site.path().join("bad.wasm"));
    assert!(
        rejections[0].error.contains("not a WebAssembly module"),
        "{:?}",
        rejections[0]
    );
    assert_eq!(rejections[0].serving, None);
    assert_eq!(names(&catalog), ["good"]);
}

#[test]
fn replacing_breaking_mending_and_removing_leave_the_last_good_version() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    site.put_greeting("p.toml", "one");
    let (catalog, _) = site.open();
    let first = catalog.snapshot().policies().next().unwrap().clone();
    assert_eq!(
        (greeting(&catalog).as_str(), first.generation),
        ("greeting=one", 1)
    );

    site.put_greeting("p.toml", "two");
    catalog.reload().unwrap();
    assert_eq!(
        greeting(&catalog),
        "greeting=two",
        "an edit of the settings alone is a new version"
    );

    for broken in [&b"\0asm"[..], b"", &guest("tells")[..1000]] {
        site.put("p.wasm", broken);
        let report = catalog.reload().unwrap();
        let rejection = report.rejections().next().unwrap();
        assert_eq!(rejection.serving, Some(first.digest));
        assert_eq!(greeting(&catalog), "greeting=two");
        assert!(
            catalog.reload().unwrap().changes.is_empty(),
            "the same failure is reported once"
        );
    }

    site.put("p.wasm", &guest("tells"));
    site.put("p.toml", b"[settings]\ngreeting = 7\n");
    let report = catalog.reload().unwrap();
    let rejection = report.rejections().next().unwrap();
    assert_eq!(
        rejection.file,
        site.path().join("p.toml"),
        "the file at fault is the settings"
    );
    assert_eq!(greeting(&catalog), "greeting=two");

    site.put_greeting("p.toml", "three");
    catalog.reload().unwrap();
    assert_eq!(greeting(&catalog), "greeting=three");
    assert!(catalog.snapshot().policies().next().unwrap().generation > first.generation);

    fs::remove_file(site.path().join("p.wasm")).unwrap();
    catalog.reload().unwrap();
    assert_eq!(denial(&catalog).0, DenialClass::NoPolicy);
}

#[test]
fn requests_in_flight_keep_the_snapshot_they_hold() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("counts"));
    let (catalog, _) = site.open();
    let held = catalog.snapshot();
    fs::remove_file(site.path().join("p.wasm")).unwrap();
    catalog.reload().unwrap();
    let decision = held.decide(&request(), Instant::now() + PATIENCE);
    assert_eq!(decision.policy.unwrap().name.as_str(), "p");
    assert_eq!(denial(&catalog).0, DenialClass::NoPolicy);
}

#[test]
fn a_directory_that_is_gone_changes_nothing() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("counts"));
    let (catalog, _) = site.open();
    let aside = site.path().with_extension("aside");
    fs::rename(site.path(), &aside).unwrap();
    let error = catalog.reload().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cannot read the policy directory"),
        "{error}"
    );
    assert_eq!(names(&catalog), ["p"]);
    fs::rename(&aside, site.path()).unwrap();
    assert!(catalog.reload().unwrap().changes.is_empty());
}

#[test]
fn opening_a_directory_that_is_not_there_is_an_error() {
    let site = Site::new(&[]);
    let mut options = site.options();
    options.directory = site.path().join("nowhere");
    let error = Catalog::open(engine(), options).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn misnamed_oversized_and_unrelated_files_are_told_apart() {
    let site = Site::new(&[]);
    site.put("Bad Name.wasm", &guest("abstains"));
    site.put("p.WASM", &guest("abstains"));
    site.put("big.wasm", &vec![0; (1 << 20) + 1]);
    site.put("long.wasm", &guest("abstains"));
    site.put("long.toml", &vec![b'#'; (32 << 20) + 1]);
    site.put(".hidden.wasm", b"editor's");
    site.put("README.md", b"not ours");
    let (_, report) = site.open();
    let errors: Vec<_> = report
        .rejections()
        .map(|rejection| rejection.error.as_str())
        .collect();
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(
        errors
            .iter()
            .any(|error| error.contains("larger than 33554432 bytes")),
        "{errors:?}"
    );
    assert!(
        errors.iter().any(|error| error.contains("`Bad Name`")),
        "{errors:?}"
    );
    assert!(
        errors.iter().any(|error| error.contains("`p.WASM`")),
        "{errors:?}"
    );
    assert!(
        errors
            .iter()
            .any(|error| error.contains("larger than 1048576 bytes")),
        "{errors:?}"
    );
}

#[test]
fn settings_files_are_read_strictly() {
    let cases: [(&str, Option<usize>, &[&str]); 4] = [
        (
            "[setings]\n",
            None,
            &["setings: unknown key, did you mean `settings`?"],
        ),
        (
            "[limits]\ndeadline = \"hunter2\"\nmemory = 7\ntables = -1\nlog-line = 3\n",
            None,
            &[
                "limits.deadline: expected a duration such as `50ms`",
                "limits.memory: expected a size such as `16MiB`",
                "limits.tables: expected a whole number, not negative",
                "limits.log-line: unknown key, did you mean `log-lines`?",
            ],
        ),
        ("limits = 7\n", None, &["limits: expected a table"]),
        ("\n[settings\n", Some(2), &[]),
    ];
    for (text, line, messages) in cases {
        let site = Site::new(&[]);
        site.put("p.wasm", &guest("abstains"));
        site.put("p.toml", text.as_bytes());
        let (_, report) = site.open();
        let rejection = report.rejections().next().unwrap();
        assert_eq!(rejection.file, site.path().join("p.toml"));
        assert_eq!(rejection.line, line, "{rejection:?}");
        for message in messages {
            assert!(rejection.error.contains(message), "{rejection:?}");
        }
        assert!(!rejection.error.contains('\n'), "{rejection:?}");
        assert!(
            !rejection.error.contains("hunter2"),
            "values are not repeated: {rejection:?}"
        );
    }
}

#[test]
fn every_limit_can_be_set() {
    let site = Site::new(&[]);
    let limits = "[limits]\ndeadline = \"1s\"\nmemory = \"8MiB\"\ntables = 9000\nhost-call-bytes = \"2MiB\"\n\
                  log-lines = 5\nlog-line-bytes = \"2KiB\"\nsubjects = 7\nreason-bytes = \"3B\"\ncomparisons = 9\n";
    site.put("p.wasm", &guest("counts"));
    site.put("p.toml", limits.as_bytes());
    let (catalog, report) = site.open();
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    let (_, reason) = denial(&catalog);
    assert_eq!(reason, "dec…");
    for limit in Limits::MAX.each() {
        assert!(limits.contains(&format!("{} = ", limit.name)), "{limit:?}");
    }

    site.put("p.toml", b"[limits]\nmemory = \"257MiB\"\n");
    let (_, report) = site.open();
    let rejection = report.rejections().next().unwrap();
    assert_eq!(rejection.file, site.path().join("p.toml"));
    let bound = "limit `memory` is 257MiB, the host's bound is 256MiB; lower it under [limits]";
    assert!(rejection.error.contains(bound), "{rejection:?}");
}

#[test]
fn a_version_that_fails_every_login_does_not_replace_a_good_one() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("counts"));
    let (catalog, _) = site.open();
    for (name, part) in [
        ("tells_the_time", "the policy trapped: "),
        ("spins", "the policy ran longer than its deadline of 100ms"),
        ("allocates", "more than its limit of 16777216"),
    ] {
        site.put("p.wasm", &guest(name));
        let report = catalog.reload().unwrap();
        let rejection = report.rejections().next().unwrap();
        assert_eq!(rejection.file, site.path().join("p.wasm"));
        assert!(
            rejection
                .error
                .starts_with("it fails a login by `password` with made-up values: "),
            "{rejection:?}"
        );
        assert!(rejection.error.contains(part), "{rejection:?}");
        assert_eq!(denial(&catalog).1, "decision 1", "the good version serves");
    }
}

#[test]
fn a_version_that_fails_one_kind_of_login_is_told_by_its_method() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("fails_for"));
    // The hash of the token in the smoke test's login.
    let token = portcullis_identity::hash_token("portcullis-smoke");
    let settings = format!("[settings]\ntoken = \"{token}\"\nhow = \"panics\"\n");
    site.put("p.toml", settings.as_bytes());
    let (_, report) = site.open();
    let rejection = report.rejections().next().unwrap();
    assert!(
        rejection
            .error
            .starts_with("it fails a login by `token` with made-up values: the policy trapped: "),
        "{rejection:?}"
    );
}

#[test]
fn more_tokens_than_may_be_compared_are_refused_before_they_serve() {
    let site = Site::new(&[]);
    let user = |number| {
        let token = portcullis_identity::hash_token(&format!("token {number}"));
        format!("[settings.users.u{number}]\ntoken = \"{token}\"\nprofile = \"one\"\n")
    };
    let users: String = (0..9).map(user).collect();
    let settings = format!(
        "[settings]\ndefault-account = \"APP\"\n[settings.profiles.one]\npublish = {{ allow = [\"a\"] }}\n{users}"
    );
    site.put("p.wasm", &Built::policy("static-users").unwrap());
    site.put("p.toml", settings.as_bytes());
    let (catalog, report) = site.open();
    let rejection = report.rejections().next().unwrap();
    assert!(
        rejection
            .error
            .contains("raise `comparisons` under [limits]"),
        "{rejection:?}"
    );
    let raised = format!("{settings}[limits]\ncomparisons = 9\n");
    site.put("p.toml", raised.as_bytes());
    assert_eq!(catalog.reload().unwrap().rejections().count(), 0);
}

#[test]
fn a_settings_file_grants_nothing() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("reads_secrets"));
    site.put(
        "p.toml",
        b"[grants]\nsecrets = true\nkey-value = [\"revoked\", \"away\"]\nother = \"hunter2\"\n",
    );
    let (_, report) = site.open();
    let rejection = report.rejections().next().unwrap();
    assert_eq!(rejection.file, site.path().join("p.toml"));
    assert_eq!(
        rejection.error,
        "grants: only portcullis.toml grants; remove this table and write there: `[policies.grants.p]`, \
         `key-value = [\"revoked\", \"away\"]`, `secrets = true`"
    );
}

#[test]
fn limits_count_up_to_what_the_operator_allows() {
    let mut site = Site::new(&[]);
    let max = MaxLimits::default();
    let beyond = format!("[limits]\ncomparisons = {}\n", max.limits.comparisons + 1);
    for name in ["p", "q"] {
        site.put(&format!("{name}.wasm"), &guest("counts"));
        site.put(&format!("{name}.toml"), beyond.as_bytes());
    }
    let more = MaxLimits {
        limits: Limits::MAX,
        ..max
    };
    let granted = PolicyGrants {
        max_limits: Some(more),
        ..PolicyGrants::default()
    };
    site.grant("q", granted);
    let (catalog, report) = site.open();
    let refused: Vec<_> = report.rejections().collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    let expected = "limits.comparisons: 65 is more than the 64 that portcullis.toml allows: lower it, or raise `comparisons` \
                    there, under [policies.max-limits] for all policies or under [policies.grants.p.max-limits] for this one";
    assert_eq!(refused[0].error, expected);
    assert_eq!(names(&catalog), ["q"]);
}

#[test]
fn grants_of_a_policy_that_is_not_there_are_mentioned() {
    let mut site = Site::new(&[]);
    site.put("p.wasm", &guest("abstains"));
    site.grant("p", PolicyGrants::default());
    site.grant("q", PolicyGrants::default());
    let (_, report) = site.open();
    assert_eq!(report.unused_grants, ["q".parse().unwrap()]);
}

#[test]
fn a_settings_file_without_a_module_is_mentioned() {
    let site = Site::new(&[]);
    site.put("static-usr.toml", b"");
    let (_, report) = site.open();
    assert_eq!(report.orphans, [site.path().join("static-usr.toml")]);
}

#[test]
fn what_is_not_a_regular_file_is_refused_and_not_waited_for() {
    let site = Site::new(&[]);
    let made = std::process::Command::new("mkfifo")
        .arg(site.path().join("pipe.wasm"))
        .status();
    assert!(made.unwrap().success());
    fs::create_dir(site.path().join("folder.wasm")).unwrap();
    let (_, report) = site.open();
    let errors: Vec<_> = report
        .rejections()
        .map(|rejection| rejection.error.as_str())
        .collect();
    let expected =
        ["is a directory", "is a FIFO"].map(|kind| format!("{kind}, not a regular file"));
    assert_eq!(errors, expected);
}

/// Waits until the greeting of `catalog` is `wanted`. Polls the catalog in this thread.
fn await_greeting(catalog: &Catalog, wanted: &str) {
    let (_never, wait) = mpsc::channel::<()>();
    let started = Instant::now();
    while names(catalog).is_empty() || greeting(catalog) != wanted {
        assert!(started.elapsed() < PATIENCE, "still not `{wanted}`");
        let _timeout = wait.recv_timeout(Duration::from_millis(5));
    }
}

#[test]
fn the_watcher_sees_writes_renames_and_directories_made_anew() {
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
fn a_policy_that_takes_too_long_to_load_keeps_nobody_waiting() {
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
