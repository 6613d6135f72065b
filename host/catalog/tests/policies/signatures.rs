//! Signatures of trusted publishers.

use std::fs;

use nkeys::KeyPair;
use portcullis_catalog::{
    Catalog, CatalogOptions, Statement, rollback, sign, sign_file, sign_stating, sign_version,
};
use portcullis_core::{Allowed, PolicyName};
use portcullis_test_policies::guest;
use portcullis_test_support::wasm_with_note;

use crate::kept::Kept;
use crate::site::{Site, greeting, names, open};

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
        error.contains("covers the settings next to it, which were changed"),
        "{error}"
    );
    assert_eq!(greeting(&catalog), "greeting=one");
}
