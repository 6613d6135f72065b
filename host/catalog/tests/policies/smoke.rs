//! Logins that the host has decided, which a new version has to decide too.

use std::sync::Arc;
use std::time::Instant;

use portcullis_catalog::{Catalog, CatalogOptions, Prover};
use portcullis_core::{Credentials, Identity, Secret};
use portcullis_test_policies::{PATIENCE, guest, request};

use crate::prover::child;
use crate::site::{Site, open};

/// Creates a site whose policy `p` abstains, and decides a login of `user` there.
fn decided(user: &str, prover: Prover) -> (Site, Catalog) {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("abstains"));
    let (catalog, report) = open(CatalogOptions {
        prover,
        ..site.options()
    });
    assert_eq!(report.rejections().count(), 0);
    decide(&catalog, user);
    (site, catalog)
}

/// Decides a login by password of `user`.
fn decide(catalog: &Catalog, user: &str) {
    let mut login = (*request()).clone();
    login.credentials = Credentials {
        username: Some(user.to_owned()),
        password: Some(Secret::new("hunter2")),
        ..Credentials::default()
    };
    login.identity = Identity::claimed(&login.credentials);
    let deadline = Instant::now() + PATIENCE;
    catalog.snapshot().decide(&Arc::new(login), deadline);
}

/// Replaces the policy by one that fails for `user`, and returns the rejection.
fn replace(site: &Site, catalog: &Catalog, user: &str, how: &str) -> Option<String> {
    let settings = format!("[settings]\nusername = \"{user}\"\nhow = \"{how}\"\n");
    site.put("p.toml", settings.as_bytes());
    site.put("p.wasm", &guest("fails_for"));
    let report = catalog.reload().unwrap();
    let mut rejections = report.rejections();
    rejections.next().map(|rejection| rejection.error.clone())
}

#[test]
fn a_version_that_fails_a_login_like_one_decided_does_not_serve() {
    for prover in [Prover::InProcess, child()] {
        for how in ["panics", "spins"] {
            let (site, catalog) = decided("alice", prover.clone());
            let before = catalog.snapshot().policies().next().cloned();
            let error = replace(&site, &catalog, "alice", how).unwrap();
            let expected = "it fails a login by `password` like one that this host has decided: ";
            assert!(error.starts_with(expected), "{error}");
            assert_eq!(catalog.snapshot().policies().next().cloned(), before);
        }
    }
}

#[test]
fn a_version_that_fails_other_logins_only_serves() {
    let (site, catalog) = decided("bob", Prover::InProcess);
    assert_eq!(replace(&site, &catalog, "alice", "panics"), None);
}

#[test]
fn a_login_that_a_version_fails_keeps_no_later_version_from_serving() {
    let site = Site::new(&[]);
    let (catalog, _) = site.open();
    assert_eq!(replace(&site, &catalog, "alice", "panics"), None);
    decide(&catalog, "alice");
    site.put(
        "p.toml",
        b"[settings]\nusername = \"alice\"\nhow = \"spins\"\n",
    );
    let report = catalog.reload().unwrap();
    assert_eq!(report.rejections().count(), 0, "{report:?}");
}
