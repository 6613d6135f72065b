//! A directory of policies: additions, replacements, broken files and removals, and the versions in
//! service.

use std::fs;
use std::time::Instant;

use portcullis_catalog::Catalog;
use portcullis_core::DenialClass;
use portcullis_test_policies::{PATIENCE, engine, guest, policy, request};

use crate::site::{Site, decide, denial, greeting, names};

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
fn misnamed_oversized_and_unrelated_files_are_distinguished() {
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
fn a_version_that_fails_one_kind_of_login_is_reported_with_its_method() {
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
    site.put("p.wasm", &policy("static-users"));
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
