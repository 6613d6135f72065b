//! Stored good versions: restarts and damaged state.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis_catalog::Change;
use portcullis_test_policies::guest;

use crate::kept::{Kept, generation};
use crate::site::{Site, greeting, names, open};

#[test]
fn the_last_good_version_serves_after_a_restart_though_the_present_one_is_broken() {
    let kept = Kept::new();
    let catalog = kept.start();
    kept.greet(&catalog, "two");
    kept.site.put("p.wasm", b"\0asm broken");
    catalog.reload().unwrap();
    drop(catalog);

    let (catalog, report) = open(kept.options());
    assert_eq!(greeting(&catalog), "greeting=two");
    assert_eq!(generation(&catalog), 2, "the version keeps its number");
    assert!(
        matches!(
            report.changes[..],
            [Change::Rejected(_), Change::Restored(_)]
        ),
        "{report:?}"
    );
    let rejection = report.rejections().next().unwrap();
    assert!(rejection.serving.is_some(), "{rejection:?}");
    let status = kept.status();
    let policy = &status.policies[0];
    assert!(policy.serving.as_ref().unwrap().restored);
    let attempt = policy.last_attempt.as_ref().unwrap();
    assert!(
        attempt.error.as_ref().unwrap().contains("not a valid"),
        "{attempt:?}"
    );

    kept.site.put("p.wasm", &guest("tells"));
    catalog.reload().unwrap();
    assert_eq!(
        generation(&catalog),
        2,
        "the same content is the same version"
    );
    assert!(!kept.status().policies[0].serving.as_ref().unwrap().restored);
}

#[test]
fn a_restart_without_a_change_keeps_number_and_time() {
    let kept = Kept::new();
    let catalog = kept.start();
    kept.greet(&catalog, "two");
    drop(catalog);
    let before = kept.status().policies[0].serving.clone();
    let catalog = kept.start();
    assert_eq!(kept.status().policies[0].serving, before);
    kept.greet(&catalog, "three");
    assert_eq!(generation(&catalog), 3, "numbers go on");
}

#[test]
fn a_policy_that_was_removed_does_not_come_back() {
    let kept = Kept::new();
    let catalog = kept.start();
    kept.site.remove("p.wasm");
    catalog.reload().unwrap();
    drop(catalog);
    kept.site.put("p.wasm", b"\0asm broken");
    let catalog = kept.start();
    assert!(names(&catalog).is_empty());
    drop(catalog);
    kept.site.put("p.wasm", &guest("tells"));
    drop(kept.start());
    kept.site.put("p.wasm", b"\0asm broken");
    assert_eq!(names(&kept.start()), ["p"], "it was put back on purpose");
}

#[test]
fn damaged_versions_are_passed_over() {
    let kept = Kept::new();
    let catalog = kept.start();
    kept.greet(&catalog, "two");
    kept.greet(&catalog, "three");
    drop(catalog);
    let version = |generation: u64| kept.state().join(format!("versions/p/{generation}"));
    fs::write(
        version(3).join("p.toml"),
        "[settings]\ngreeting = \"forged\"\n",
    )
    .unwrap();
    fs::write(version(2).join("version.json"), "{").unwrap();
    kept.site.put("p.wasm", b"\0asm broken");
    assert_eq!(greeting(&kept.start()), "greeting=one");
}

#[test]
fn the_number_of_versions_is_bounded_and_no_other_user_reads_them() {
    let kept = Kept::new();
    let catalog = kept.start();
    for text in ["two", "three", "four"] {
        kept.greet(&catalog, text);
    }
    assert_eq!(kept.status().policies[0].kept, [4, 3, 2]);
    let mode = |path: &str| {
        let metadata = fs::metadata(kept.state().join(path)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("versions/p/4"), 0o700);
    assert_eq!(mode("versions/p/4/p.toml"), 0o600);
}

#[test]
fn a_second_host_does_not_write_into_the_first_ones_state() {
    let kept = Kept::new();
    let first = kept.start();
    let before = kept.status();
    kept.site.put_greeting("p.toml", "two");
    let second = kept.start();
    assert_eq!(greeting(&second), "greeting=two", "it serves all the same");
    assert_eq!(kept.status(), before);
    drop(first);
    kept.greet(&second, "three");
    assert_ne!(kept.status(), before, "the directory is free now");
}

#[test]
fn state_that_cannot_be_kept_costs_no_login() {
    let kept = Kept::new();
    fs::write(kept.state(), b"a file where the directory should be").unwrap();
    let catalog = kept.start();
    assert_eq!(greeting(&catalog), "greeting=one");
}

#[test]
fn a_version_is_the_same_wherever_its_files_are() {
    let version = |settings: &str, tests: &str| {
        let site = Site::new(&[]);
        site.put("first.wasm", &guest("abstains"));
        site.put("p.wasm", &guest("tells"));
        site.put_greeting("p.toml", settings);
        site.put("p.tests.toml", tests.as_bytes());
        let (catalog, report) = site.open();
        assert_eq!(report.rejections().count(), 0, "{report:?}");
        let status = catalog.status();
        let policies = status.policies.iter();
        let mut serving = policies.filter(|policy| policy.name == "p");
        let serving = serving.find_map(|policy| policy.serving.clone()).unwrap();
        (serving.digest, serving.version)
    };
    let one = version("one", "tests = []\n");
    assert_eq!(version("one", "tests = []\n"), one);
    for other in [
        version("two", "tests = []\n"),
        version("one", "tests = [ ]\n"),
    ] {
        assert_eq!(other.0, one.0, "the module is the same");
        assert_ne!(other.1, one.1);
    }
}

#[test]
fn settings_that_are_not_there_are_not_to_blame() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    let (_, report) = site.open();
    let rejection = report.rejections().next().unwrap();
    assert_eq!(rejection.file, site.path().join("p.wasm"));
    assert!(
        rejection
            .error
            .starts_with("it needs a settings file `p.toml`: settings refused: "),
        "{rejection:?}"
    );
}
