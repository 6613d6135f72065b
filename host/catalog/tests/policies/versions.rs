//! Stored good versions: restarts, rollbacks and the status.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use nkeys::KeyPair;
use portcullis_catalog::{
    Catalog, CatalogOptions, Change, Freshness, RollbackError, Statement, Status, rollback, sign,
    sign_file, sign_stating, sign_version,
};
use portcullis_core::{Allowed, PolicyName};
use portcullis_harness::wasm_with_note;
use tempfile::TempDir;

use crate::settings::unreadable;
use crate::site::{Site, greeting, names, open};
use crate::support::guest;

/// A site whose host stores state.
struct Kept {
    site: Site,
    state: TempDir,
}

impl Kept {
    /// Creates a site with the guest `tells`, which greets with `one`.
    fn new() -> Self {
        let site = Site::new(&[]);
        site.put("p.wasm", &guest("tells"));
        site.put_greeting("p.toml", "one");
        Self {
            site,
            state: TempDir::new().unwrap(),
        }
    }

    fn options(&self) -> CatalogOptions {
        CatalogOptions {
            state_directory: Some(self.state.path().join("state")),
            keep_versions: 3,
            ..self.site.options()
        }
    }

    /// Acts as a starting host.
    fn start(&self) -> Catalog {
        open(self.options()).0
    }

    fn state(&self) -> PathBuf {
        self.state.path().join("state")
    }

    fn status(&self) -> Status {
        Status::read(&self.state()).unwrap()
    }

    fn greet(&self, catalog: &Catalog, text: &str) {
        self.site.put_greeting("p.toml", text);
        catalog.reload().unwrap();
        assert_eq!(greeting(catalog), format!("greeting={text}"));
    }
}

fn generation(catalog: &Catalog) -> u64 {
    catalog.snapshot().policies().next().unwrap().generation
}

fn name() -> PolicyName {
    "p".parse().unwrap()
}

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
fn the_status_says_whose_configured_state_is_kept() {
    let kept = Kept::new();
    kept.site.put("q.wasm", &unreadable("counts"));
    let _catalog = kept.start();
    let status = kept.status();
    let policies = status.policies.iter().map(|policy| {
        let serving = policy.serving.as_ref().unwrap();
        (policy.name.as_str(), serving.snapshotted)
    });
    let snapshotted: Vec<_> = policies.collect();
    assert_eq!(snapshotted, [("p", true), ("q", false)]);
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
fn only_so_many_versions_are_kept_and_nobody_else_reads_them() {
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
fn going_back_puts_the_earlier_files_in_place() {
    let kept = Kept::new();
    let tests = b"[[tests]]\nname = \"greets\"\nlogin = {}\ndeny = \"greeting=one\"\n";
    kept.site.put("p.tests.toml", tests);
    let catalog = kept.start();
    kept.site.remove("p.tests.toml");
    kept.greet(&catalog, "two");
    kept.greet(&catalog, "three");

    let back = |to| rollback(&kept.options(), &name(), to);
    assert_eq!(back(None).unwrap().generation, 2);
    catalog.reload().unwrap();
    assert_eq!(greeting(&catalog), "greeting=two");
    assert_eq!(
        generation(&catalog),
        2,
        "the same content is the same version"
    );
    assert_eq!(back(None).unwrap().generation, 1, "and before it came one");
    catalog.reload().unwrap();
    assert_eq!(generation(&catalog), 1);
    let first = back(None).unwrap_err();
    assert_eq!(
        first.to_string(),
        "no earlier version of policy `p` is kept; there are 3, 2, 1: name one with `--to`"
    );

    let unknown = back(Some(9)).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "generation 9 of policy `p` is not kept; there are 3, 2, 1"
    );
    // A rollback from a broken version restores the version in service.
    kept.site.put("p.wasm", b"\0asm broken");
    catalog.reload().unwrap();
    assert_eq!(back(None).unwrap().generation, 1);
    assert_eq!(
        fs::read(kept.site.path().join("p.wasm")).unwrap(),
        guest("tells")
    );
    for file in ["p.wasm", "p.toml", "p.tests.toml"] {
        kept.site.remove(file);
    }
    assert_eq!(back(Some(3)).unwrap().generation, 3);
    catalog.reload().unwrap();
    assert_eq!(greeting(&catalog), "greeting=three");
}

#[test]
fn the_time_of_service_begins_again_when_a_version_comes_back() {
    let kept = Kept::new();
    let catalog = kept.start();
    kept.greet(&catalog, "two");
    // As if the first version had served long ago.
    let about = kept.state().join("versions/p/1/version.json");
    let text = fs::read_to_string(&about).unwrap();
    let mut first: serde_json::Value = serde_json::from_str(&text).unwrap();
    first["since"] = 1000.into();
    fs::write(&about, first.to_string()).unwrap();
    rollback(&kept.options(), &name(), None).unwrap();
    catalog.reload().unwrap();
    let since = |kept: &Kept| {
        let serving = kept.status().policies[0].serving.clone().unwrap();
        assert_eq!(serving.generation, 1);
        serving.since
    };
    let back = since(&kept);
    assert!(back > 1000, "it served with a break");
    drop(catalog);
    drop(kept.start());
    assert_eq!(since(&kept), back, "a restart is no break");
}

#[test]
fn going_back_passes_over_what_was_gone_back_from() {
    let kept = Kept::new();
    let catalog = kept.start();
    kept.greet(&catalog, "two");
    kept.greet(&catalog, "three");
    let back = || rollback(&kept.options(), &name(), None).unwrap().generation;
    assert_eq!(back(), 2);
    catalog.reload().unwrap();
    kept.greet(&catalog, "four");
    assert_eq!(generation(&catalog), 4);
    assert_eq!(
        kept.status().policies[0].kept,
        [4, 2, 1],
        "what was gone back from is the first to go"
    );
    assert_eq!(back(), 2, "two served before four");
    catalog.reload().unwrap();
    drop(catalog);
    kept.site.put("p.wasm", b"\0asm broken");
    let restored = kept.start();
    assert_eq!(greeting(&restored), "greeting=two", "it served last");
}

/// A file outside of the policy directory, which no file in the directory may affect.
struct Victim {
    directory: TempDir,
}

impl Victim {
    fn new() -> Self {
        let victim = Self {
            directory: TempDir::new().unwrap(),
        };
        fs::write(victim.path(), "untouched").unwrap();
        fs::set_permissions(victim.path(), fs::Permissions::from_mode(0o604)).unwrap();
        victim
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("victim")
    }

    fn assert_untouched(&self) {
        assert_eq!(fs::read(self.path()).unwrap(), b"untouched");
        let mode = fs::metadata(self.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o604);
    }
}

#[test]
fn links_in_the_policy_directory_lead_no_rollback_and_no_signature_astray() {
    let (kept, victim) = (Kept::new(), Victim::new());
    let catalog = kept.start();
    kept.greet(&catalog, "two");
    // The names of temporary files that earlier versions of the host wrote to.
    for name in ["p.wasm", "p.toml", "p.tests.toml"] {
        let aside = format!(".{name}.{}", std::process::id());
        std::os::unix::fs::symlink(victim.path(), kept.site.path().join(aside)).unwrap();
    }
    assert_eq!(
        rollback(&kept.options(), &name(), None).unwrap().generation,
        1
    );
    let module = kept.site.path().join("p.wasm");
    sign_file(&module, &KeyPair::new_account()).unwrap();
    victim.assert_untouched();
    catalog.reload().unwrap();
    assert_eq!(greeting(&catalog), "greeting=one");
}

#[test]
fn files_that_are_links_are_not_replaced() {
    let (kept, victim) = (Kept::new(), Victim::new());
    let catalog = kept.start();
    kept.greet(&catalog, "two");
    let settings = kept.site.path().join("p.toml");
    let aside = kept.site.path().join("the-settings");
    fs::rename(&settings, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &settings).unwrap();
    let error = rollback(&kept.options(), &name(), None).unwrap_err();
    assert!(matches!(error, RollbackError::Link(_)), "{error}");
    assert!(fs::symlink_metadata(&settings).unwrap().is_symlink());
    catalog.reload().unwrap();
    assert_eq!(greeting(&catalog), "greeting=two", "nothing was replaced");

    let module = kept.site.path().join("linked.wasm");
    fs::write(victim.path(), "\0asm").unwrap();
    std::os::unix::fs::symlink(victim.path(), &module).unwrap();
    assert!(sign_file(&module, &KeyPair::new_account()).is_err());
    assert_eq!(fs::read(victim.path()).unwrap(), b"\0asm");
}

#[test]
fn planted_versions_do_not_serve() {
    let kept = Kept::new();
    drop(kept.start());
    kept.site.put("p.wasm", b"\0asm broken");
    for planted in ["", "versions", "versions/p", "versions/p/1"] {
        let directory = kept.state().join(planted);
        let private = fs::metadata(&directory).unwrap().permissions();
        for mode in [0o777, 0o770, 0o1777] {
            fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
            let (catalog, _) = open(kept.options());
            assert!(names(&catalog).is_empty(), "`{planted}` with mode {mode:o}");
            let usable = catalog.numbers().state_usable;
            assert_eq!(usable, Some(!planted.is_empty()), "`{planted}` {mode:o}");
            assert!(rollback(&kept.options(), &name(), None).is_err());
            drop(catalog);
        }
        fs::set_permissions(&directory, private).unwrap();
    }
    let (catalog, _) = open(kept.options());
    assert_eq!(greeting(&catalog), "greeting=one");
}

#[test]
fn policies_that_every_user_can_change_are_reported() {
    let kept = Kept::new();
    let settings = kept.site.path().join("p.toml");
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o666)).unwrap();
    let (catalog, report) = open(kept.options());
    assert_eq!(report.exposed, std::slice::from_ref(&settings));
    assert_eq!(catalog.numbers().exposed.len(), 1);
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o600)).unwrap();
    catalog.reload().unwrap();
    assert!(catalog.numbers().exposed.is_empty());
    fs::set_permissions(kept.site.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let report = catalog.reload().unwrap();
    assert_eq!(report.exposed, [kept.site.path().to_owned()]);
}

#[test]
fn a_version_that_cannot_be_kept_leaves_nothing_behind_and_shows() {
    let kept = Kept::new();
    let catalog = kept.start();
    // A file in the place of the next version, and an incomplete one, as an interrupted host leaves
    // it.
    let versions = kept.state().join("versions/p");
    fs::write(versions.join("2"), "").unwrap();
    kept.greet(&catalog, "two");
    assert!(!versions.join(".2").exists());
    let numbers = catalog.numbers();
    assert_eq!(numbers.not_kept.len(), 1);
    assert_eq!(numbers.state_write_failures, 1);
    assert_eq!(numbers.state_usable, Some(true));
    fs::remove_file(versions.join("2")).unwrap();
    kept.greet(&catalog, "three");
    assert!(catalog.numbers().not_kept.is_empty());
    drop(catalog);

    fs::create_dir(versions.join(".9")).unwrap();
    fs::write(versions.join(".9/p.wasm"), "half").unwrap();
    fs::write(kept.state().join(".portcullis-0123"), "half").unwrap();
    drop(kept.start());
    assert!(!versions.join(".9").exists());
    assert!(!kept.state().join(".portcullis-0123").exists());
}

#[test]
fn a_status_that_cannot_be_written_is_stale_until_it_can() {
    let kept = Kept::new();
    let catalog = kept.start();
    let limit = Duration::from_hours(1);
    let freshness = || Freshness::read(&kept.state(), limit).unwrap();
    assert_eq!(freshness(), Freshness::Current);
    let status = kept.state().join(Status::FILE);
    fs::remove_file(&status).unwrap();
    fs::create_dir_all(status.join("in the way")).unwrap();
    kept.greet(&catalog, "two");
    assert_eq!(freshness(), Freshness::Stale);
    assert!(catalog.numbers().status_stale);
    fs::remove_dir_all(&status).unwrap();
    catalog.reload().unwrap();
    assert_eq!(freshness(), Freshness::Current);
    assert!(!catalog.numbers().status_stale);
    assert_eq!(kept.status().policies[0].kept, [2, 1]);
    drop(catalog);
    assert_eq!(freshness(), Freshness::NotRunning);
}

#[test]
fn refusals_and_an_unreadable_directory_are_counted() {
    let kept = Kept::new();
    let catalog = kept.start();
    let rejections = |catalog: &Catalog| catalog.numbers().rejections[&name()];
    assert_eq!(rejections(&catalog), 0, "a policy is there from the start");
    kept.site.put("p.wasm", b"\0asm broken");
    kept.site.put("P.wasm", b"");
    catalog.reload().unwrap();
    catalog.reload().unwrap();
    assert_eq!(rejections(&catalog), 1);
    assert_eq!(catalog.numbers().misnamed, 1);
    assert!(catalog.numbers().policies_read_at.contains_key(&name()));
    let elsewhere = kept.state.path().join("policies");
    fs::rename(kept.site.path(), &elsewhere).unwrap();
    assert!(catalog.reload().is_err());
    assert!(catalog.numbers().directory_failing);
    fs::rename(&elsewhere, kept.site.path()).unwrap();
    catalog.reload().unwrap();
    assert!(!catalog.numbers().directory_failing);
}

#[test]
fn going_back_needs_somewhere_to_go() {
    let kept = Kept::new();
    let catalog = kept.start();
    let error = rollback(&kept.options(), &name(), None).unwrap_err();
    assert!(matches!(error, RollbackError::NoVersion { .. }), "{error}");
    let error = rollback(&kept.site.options(), &name(), None).unwrap_err();
    assert!(matches!(error, RollbackError::NothingKept), "{error}");
    kept.greet(&catalog, "two");
    fs::write(kept.state().join("versions/p/1/p.wasm"), b"forged").unwrap();
    let error = rollback(&kept.options(), &name(), None).unwrap_err();
    assert!(
        matches!(error, RollbackError::Damaged { generation: 1, .. }),
        "{error}"
    );
    assert_eq!(greeting(&catalog), "greeting=two");
}

#[test]
fn a_file_that_is_put_back_keeps_its_mode() {
    let kept = Kept::new();
    let catalog = kept.start();
    kept.greet(&catalog, "two");
    let settings = kept.site.path().join("p.toml");
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o664)).unwrap();
    rollback(&kept.options(), &name(), None).unwrap();
    let mode = fs::metadata(&settings).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o664);
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
fn the_status_tells_of_required_policies_that_are_not_there() {
    let kept = Kept::new();
    let options = CatalogOptions {
        order: vec!["guard".parse().unwrap(), name()],
        guards: vec!["guard".parse().unwrap()],
        ..kept.options()
    };
    let (catalog, _) = open(options);
    let status = catalog.status();
    let told: Vec<_> = status
        .policies
        .iter()
        .map(|policy| {
            (
                policy.name.as_str(),
                policy.required,
                policy.serving.is_some(),
            )
        })
        .collect();
    assert_eq!(told, [("guard", true, false), ("p", true, true)]);
    assert_eq!(status.policies, kept.status().policies);
}

#[test]
fn only_modules_of_trusted_publishers_serve_once_there_are_any() {
    let kept = Kept::new();
    let (ours, other) = (KeyPair::new_account(), KeyPair::new_account());
    let options = CatalogOptions {
        trusted_publishers: Allowed::only([ours.public_key().parse().unwrap()]).unwrap(),
        ..kept.options()
    };
    let (catalog, report) = open(options);
    let refusal =
        |report: &portcullis_catalog::Report| report.rejections().next().unwrap().error.clone();
    assert!(refusal(&report).starts_with("not signed"), "{report:?}");
    let module = kept.site.path().join("p.wasm");
    sign_file(&module, &ours).unwrap();
    catalog.reload().unwrap();
    assert_eq!(
        greeting(&catalog),
        "greeting=one",
        "a signed module is a module"
    );

    fs::write(&module, sign(&guest("abstains"), &other).unwrap()).unwrap();
    let report = catalog.reload().unwrap();
    assert!(refusal(&report).contains(&other.public_key()), "{report:?}");
    let mut changed = sign(&guest("abstains"), &ours).unwrap();
    changed[100] ^= 1;
    fs::write(&module, changed).unwrap();
    let report = catalog.reload().unwrap();
    assert!(
        refusal(&report).contains("changed after it was signed"),
        "{report:?}"
    );
    assert_eq!(greeting(&catalog), "greeting=one");
}

#[test]
fn what_is_no_module_is_not_signed() {
    let site = Site::new(&[]);
    site.put("p.wasm", b"#!/bin/sh");
    let error = sign_file(&site.path().join("p.wasm"), &KeyPair::new_account()).unwrap_err();
    assert!(
        error.to_string().contains("not a WebAssembly module"),
        "{error}"
    );
    let error = sign_file(&site.path().join("q.wasm"), &KeyPair::new_account()).unwrap_err();
    assert!(error.to_string().contains("q.wasm"), "{error}");
}

#[test]
fn an_older_signed_version_does_not_come_back_by_itself() {
    let kept = Kept::new();
    let key = KeyPair::new_account();
    let module = |number: u64, note: &str| {
        let statement = Statement {
            number,
            files: None,
        };
        let module = wasm_with_note(&guest("tells"), note);
        sign_stating(&module, &key, statement).unwrap()
    };
    let options = || CatalogOptions {
        trusted_publishers: Allowed::only([key.public_key().parse().unwrap()]).unwrap(),
        ..kept.options()
    };
    let refused = |catalog: &Catalog| {
        let report = catalog.reload().unwrap();
        let rejection = report.rejections().next().unwrap();
        rejection.error.clone()
    };
    let (first, second) = (module(1, "first"), module(2, "second"));
    kept.site.put("p.wasm", &first);
    let (catalog, report) = open(options());
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    kept.site.put("p.wasm", &second);
    assert_eq!(catalog.reload().unwrap().rejections().count(), 0);

    // A user with write access to the directory restores the older version.
    let older = "signed as version 1, and version 2 has served: sign it with a higher `--version`, or go back with \
                 `portcullis policy rollback`";
    kept.site.put("p.wasm", &first);
    assert_eq!(refused(&catalog), older);
    kept.site.put("p.wasm", &module(0, "without a number"));
    assert!(refused(&catalog).starts_with("signed as version 0, and version 2 has served"));
    kept.site.put("p.wasm", &module(2, "another second"));
    assert!(
        refused(&catalog).starts_with("signed as version 2, and another module of that number")
    );
    drop(catalog);
    // The host also rejects it after a restart.
    kept.site.put("p.wasm", &first);
    let (catalog, report) = open(options());
    assert_eq!(report.rejections().next().unwrap().error, older);
    assert_eq!(names(&catalog), ["p"], "the version that was kept serves");

    // The operator rolls back.
    let name: PolicyName = "p".parse().unwrap();
    kept.site.put("p.wasm", &second);
    catalog.reload().unwrap();
    rollback(&options(), &name, Some(1)).unwrap();
    assert_eq!(catalog.reload().unwrap().rejections().count(), 0);
    // A newer version ends the rollback.
    kept.site.put("p.wasm", &module(3, "third"));
    assert_eq!(catalog.reload().unwrap().rejections().count(), 0);
    kept.site.put("p.wasm", &first);
    assert!(refused(&catalog).starts_with("signed as version 1, and version 3 has served"));
}

#[test]
fn a_signature_can_cover_the_settings() {
    let kept = Kept::new();
    let key = KeyPair::new_account();
    sign_version(&kept.site.path().join("p.wasm"), &key, 0, true).unwrap();
    let options = || CatalogOptions {
        trusted_publishers: Allowed::only([key.public_key().parse().unwrap()]).unwrap(),
        ..kept.options()
    };
    let (catalog, report) = open(options());
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    kept.site.put_greeting("p.toml", "two");
    let report = catalog.reload().unwrap();
    let error = &report.rejections().next().unwrap().error;
    assert!(
        error.contains("covers the settings beside it, which were changed"),
        "{error}"
    );
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
        rejection.error.starts_with(
            "there is no `p.toml` beside it, and without settings: settings refused: "
        ),
        "{rejection:?}"
    );
}
