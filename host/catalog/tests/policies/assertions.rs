//! Assertions of the operator, which the policies have to meet together.

use std::fs;
use std::path::Path;

use portcullis_catalog::{
    Assertions, AssertionsFile, Catalog, CatalogOptions, Change, HeldPermit, Rejection,
};
use portcullis_core::{Denial, DenialClass, DenyFilter};
use tempfile::TempDir;

use crate::site::{Site, denial, names, open};

/// Rules that let every user of a name that begins with nothing else publish on `subject`.
fn permits(subject: &str) -> String {
    format!(r#"[{{ permit = {{ account = "APP", publish-allow = ["{subject}"] }} }}]"#)
}

const ABSTAINS: &str = "[{ abstain = true }]";
const DENIES: &str = "[{ deny = \"nobody\" }]";

const ALICE: &str = r#"
[logins.alice]
username = "alice"
[[assertions]]
name = "orders are private"
logins = ["alice"]
may-not-publish = ["orders.>"]
"#;

/// Returns options with the assertions in `file`. The host's own rules refuse the account `OPS`.
fn options(site: &Site, file: &Path, state: Option<&Path>) -> CatalogOptions {
    let file = AssertionsFile {
        path: file.to_owned(),
        is_required: true,
    };
    let assertions = Assertions::new(file, |_, _, permit| {
        let account = permit.account().to_string();
        if account == "OPS" {
            return Err(Denial::new(DenialClass::AccountNotAllowed, "not `OPS`"));
        }
        Ok(HeldPermit {
            permit,
            account,
            filter: DenyFilter::Overlapping,
        })
    });
    CatalogOptions {
        assertions: Some(assertions),
        state_directory: state.map(Path::to_owned),
        ..site.options()
    }
}

fn rejections(catalog: &Catalog) -> Vec<Rejection> {
    let report = catalog.reload().unwrap();
    report.rejections().cloned().collect()
}

#[test]
fn a_version_that_fails_an_assertion_with_the_others_does_not_serve() {
    let (site, directory) = (Site::new(&[]), TempDir::new().unwrap());
    let file = directory.path().join("assertions.toml");
    fs::write(&file, ALICE).unwrap();
    site.put_rules("a", ABSTAINS);
    site.put_rules("b", &permits("news"));
    let (catalog, report) = open(options(&site, &file, None));
    assert_eq!(report.rejections().count(), 0, "{report:?}");

    site.put_rules("b", &permits("orders.*"));
    let rejected = rejections(&catalog);
    assert_eq!(rejected.len(), 1, "{rejected:?}");
    assert_eq!(
        (rejected[0].file.as_path(), rejected[0].line),
        (file.as_path(), Some(5))
    );
    assert_eq!(
        rejected[0].error,
        "assertion `orders are private`: login `alice`: it may publish `orders.x` (of `orders.>`)"
    );
    assert!(rejected[0].serving.is_some());
    assert_eq!(catalog.snapshot().policies().last().unwrap().generation, 2);

    // A policy before it denies, so that the same version meets the assertion.
    site.put_rules("a", DENIES);
    assert_eq!(rejections(&catalog), []);
    assert_eq!(names(&catalog), ["a", "b"]);
    assert_eq!(denial(&catalog).1, "nobody");
}

#[test]
fn a_permit_that_the_host_refuses_reaches_nothing() {
    let (site, directory) = (Site::new(&[]), TempDir::new().unwrap());
    let file = directory.path().join("assertions.toml");
    let reads = ALICE
        .replace("may-not-publish", "may-publish")
        .replace("orders.>", "news");
    fs::write(&file, reads).unwrap();
    site.put_rules("a", &permits("news"));
    let (catalog, report) = open(options(&site, &file, None));
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    site.put_rules("a", &permits("news").replace("APP", "OPS"));
    let rejected = rejections(&catalog);
    assert!(
        rejected[0].error.ends_with("it is denied: not `OPS`"),
        "{rejected:?}"
    );
}

#[test]
fn a_file_that_says_nothing_clear_keeps_the_old_version() {
    let (site, directory) = (Site::new(&[]), TempDir::new().unwrap());
    let file = directory.path().join("assertions.toml");
    fs::write(&file, ALICE).unwrap();
    site.put_rules("a", DENIES);
    let (catalog, _) = open(options(&site, &file, None));
    fs::write(&file, ALICE.replace("may-not-publish", "may-not")).unwrap();
    site.put_rules("a", ABSTAINS);
    let rejected = rejections(&catalog);
    assert!(
        rejected[0].error.contains("unknown field `may-not`"),
        "{rejected:?}"
    );
    assert_eq!(denial(&catalog).1, "nobody");
    fs::remove_file(&file).unwrap();
    site.put_rules("a", &permits("orders.>"));
    assert_eq!(
        rejections(&catalog).len(),
        1,
        "a file that is named has to exist"
    );
    assert_eq!(denial(&catalog).1, "nobody");
}

#[test]
fn policies_that_fail_at_the_start_deny_until_they_meet_the_assertions() {
    let (site, directory) = (Site::new(&[]), TempDir::new().unwrap());
    let file = directory.path().join("assertions.toml");
    fs::write(&file, ALICE).unwrap();
    site.put_rules("a", &permits("orders.>"));
    let (catalog, report) = open(options(&site, &file, None));
    assert_eq!(report.rejections().count(), 1, "{report:?}");
    let (class, reason) = denial(&catalog);
    assert_eq!(class, DenialClass::NoPolicy);
    assert!(
        reason.contains("assertion `orders are private`"),
        "{reason}"
    );

    site.put_rules("a", DENIES);
    assert_eq!(rejections(&catalog), []);
    assert_eq!(denial(&catalog).1, "nobody");
}

#[test]
fn the_versions_that_served_before_come_back_at_the_start() {
    let (site, directory) = (Site::new(&[]), TempDir::new().unwrap());
    let (file, state) = (
        directory.path().join("assertions.toml"),
        directory.path().join("state"),
    );
    fs::write(&file, ALICE).unwrap();
    site.put_rules("a", DENIES);
    drop(open(options(&site, &file, Some(&state))));
    site.put_rules("a", &permits("orders.>"));
    let (catalog, report) = open(options(&site, &file, Some(&state)));
    let restored = report
        .changes
        .iter()
        .any(|change| matches!(change, Change::Restored(_)));
    assert!(restored, "{report:?}");
    assert_eq!(denial(&catalog).1, "nobody");
}

#[test]
fn assertions_that_change_let_a_refused_version_serve() {
    let (site, directory) = (Site::new(&[]), TempDir::new().unwrap());
    let file = directory.path().join("assertions.toml");
    fs::write(&file, ALICE).unwrap();
    site.put_rules("a", &permits("orders.>"));
    let (catalog, _) = open(options(&site, &file, None));
    assert_eq!(denial(&catalog).0, DenialClass::NoPolicy);
    fs::write(&file, ALICE.replace("orders.>", "news")).unwrap();
    assert_eq!(rejections(&catalog), []);
    let outcome = crate::site::decide(&catalog).outcome;
    assert!(matches!(outcome, portcullis_core::Outcome::Permit(_)));
}
