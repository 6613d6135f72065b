//! The status that the host writes, and what it counts.

use std::fs;
use std::time::Duration;

use portcullis_catalog::{Catalog, CatalogOptions, Freshness, Status};
use portcullis_test_policies::unreadable;

use crate::kept::{Kept, name};
use crate::site::open;

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
fn the_status_has_required_policies_that_are_missing() {
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
