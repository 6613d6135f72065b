//! Policy texts: files next to a module in a language of its own.

use std::fs;
use std::os::unix::fs::symlink;

use nkeys::KeyPair;
use portcullis_catalog::{Catalog, CatalogOptions, Report, rollback, sign_version};
use portcullis_core::Allowed;
use portcullis_test_policies::{guest, policy};

use crate::kept::{Kept, generation, name};
use crate::site::{Site, denial, names, open};

/// Returns a site with the guest that tells its text.
fn site(text: &str) -> Site {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("reads_text"));
    site.put("p.cedar", text.as_bytes());
    site
}

fn text(catalog: &Catalog) -> String {
    denial(catalog).1
}

/// Returns the only rejection: the file's name, the line and the error.
fn rejection(report: &Report) -> (String, Option<usize>, String) {
    let mut rejections = report.rejections();
    let rejection = rejections.next().unwrap();
    assert!(rejections.next().is_none(), "{report:?}");
    let file = rejection.file.file_name().unwrap();
    let file = file.to_str().unwrap().to_owned();
    (file, rejection.line, rejection.error.clone())
}

#[test]
fn a_changed_text_is_a_new_version_of_the_policy() {
    let site = site("one");
    let (catalog, _) = site.open();
    assert_eq!(text(&catalog), "one");
    let before = catalog.snapshot().policies().next().unwrap().clone();

    site.put("p.cedar", b"two");
    catalog.reload().unwrap();
    assert_eq!(text(&catalog), "two");
    let after = catalog.snapshot().policies().next().unwrap().clone();
    assert_eq!(before.digest, after.digest, "the module is the same");
    assert_ne!(before.version, after.version);
}

#[test]
fn an_error_of_the_text_names_its_line_and_changes_nothing() {
    let site = site("one");
    let (catalog, _) = site.open();
    site.put("p.cedar", b"a\nwrong\n");
    let report = catalog.reload().unwrap();
    let expected = "column 1: unexpected `wrong`".to_owned();
    assert_eq!(
        rejection(&report),
        ("p.cedar".to_owned(), Some(2), expected)
    );
    assert_eq!(text(&catalog), "one");
}

#[test]
fn a_text_that_the_module_does_not_read_is_an_error() {
    let site = site("one");
    site.put("p.rego", b"package p");
    let (file, line, error) = rejection(&site.open().1);
    assert_eq!((file.as_str(), line), ("p.rego", None));
    assert!(error.starts_with("unknown field `rego-text`"), "{error}");

    site.remove("p.rego");
    site.put("p.wasm", &policy("scopes"));
    site.put("p.toml", b"[settings]\ndefault-account = \"A\"\n");
    let (file, _, error) = rejection(&site.open().1);
    assert_eq!(file, "p.cedar");
    assert!(error.starts_with("unknown field `cedar-text`"), "{error}");
}

#[test]
fn the_settings_must_not_have_the_text_too() {
    let site = site("one");
    site.put("p.toml", b"[settings]\ncedar-text = \"two\"\n");
    let (file, _, error) = rejection(&site.open().1);
    assert_eq!(file, "p.toml");
    assert_eq!(
        error,
        "settings.cedar-text: `p.cedar` has this text; remove the key"
    );
}

#[test]
fn a_text_that_is_too_large_or_no_text_is_an_error() {
    let site = site("");
    for (bytes, problem) in [
        (vec![b' '; (1 << 20) + 1], "the most a policy text can have"),
        (vec![0xff], "it is not UTF-8 text"),
    ] {
        site.put("p.cedar", &bytes);
        let (file, _, error) = rejection(&site.open().1);
        assert_eq!(file, "p.cedar");
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn a_text_without_a_module_is_mentioned() {
    let site = site("one");
    site.put("q.rego", b"package q");
    let (catalog, report) = site.open();
    assert_eq!(report.orphans, [site.path().join("q.rego")]);
    assert_eq!(names(&catalog), ["p"]);
}

#[test]
fn a_text_is_no_file_of_another_policy() {
    let site = site("one");
    site.put("q.wasm", &guest("reads_text"));
    site.put("q.toml", b"secret = \"hunter2\"\n");
    site.remove("p.cedar");
    symlink("q.toml", site.path().join("p.cedar")).unwrap();
    let (_, report) = site.open();
    let linked = report
        .rejections()
        .find(|rejection| rejection.file.ends_with("p.cedar"));
    let error = &linked.unwrap().error;
    assert!(error.starts_with("is a link to `q.toml`"), "{error}");

    site.remove("p.cedar");
    site.remove("q.toml");
    site.put("q.cedar", b"two");
    fs::hard_link(site.path().join("q.cedar"), site.path().join("p.cedar")).unwrap();
    let (catalog, report) = site.open();
    assert_eq!(report.rejections().count(), 2, "{report:?}");
    assert!(names(&catalog).is_empty());
}

#[test]
fn versions_and_rollbacks_have_the_text() {
    let kept = Kept {
        site: site("one"),
        state: tempfile::TempDir::new().unwrap(),
    };
    let catalog = kept.start();
    kept.site.put("p.cedar", b"two");
    catalog.reload().unwrap();
    let stored = kept.state().join("versions/p/1/p.cedar");
    assert_eq!(fs::read(stored).unwrap(), b"one");

    rollback(&kept.options(), &name(), None).unwrap();
    let restored = fs::read(kept.site.path().join("p.cedar")).unwrap();
    assert_eq!(restored, b"one");
    catalog.reload().unwrap();
    assert_eq!(text(&catalog), "one");
    assert_eq!(generation(&catalog), 1, "the version keeps its number");

    kept.site.put("p.cedar", b"wrong");
    drop(catalog);
    assert_eq!(
        text(&kept.start()),
        "one",
        "a restart serves the last good text"
    );
}

#[test]
fn a_signature_with_settings_covers_the_text() {
    let site = site("one");
    let key = KeyPair::new_account();
    let options = CatalogOptions {
        trusted_publishers: Allowed::only([key.public_key().parse().unwrap()]).unwrap(),
        ..site.options()
    };
    let module = site.path().join("p.wasm");
    sign_version(&module, &key, 0, true).unwrap();
    let (catalog, _) = open(options.clone());
    assert_eq!(text(&catalog), "one");
    for change in [Some("two"), None] {
        match change {
            Some(text) => site.put("p.cedar", text.as_bytes()),
            None => site.remove("p.cedar"),
        }
        let (_, report) = open(options.clone());
        let (file, _, error) = rejection(&report);
        assert_eq!(file, "p.wasm");
        assert!(
            error.contains("covers the policy texts next to it"),
            "{error}"
        );
    }
    // The signature also states that a file is absent.
    sign_version(&module, &key, 0, true).unwrap();
    site.put("p.cedar", b"three");
    let (_, _, error) = rejection(&open(options.clone()).1);
    assert!(
        error.contains("covers the policy texts next to it"),
        "{error}"
    );
    // Without the files, the text is the operator's.
    sign_version(&module, &key, 0, false).unwrap();
    assert_eq!(text(&open(options).0), "three");
}
