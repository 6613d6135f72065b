//! Rollbacks to stored versions.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis_catalog::{RollbackError, rollback};
use portcullis_test_policies::guest;

use crate::kept::{Kept, generation, name};
use crate::site::greeting;

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
