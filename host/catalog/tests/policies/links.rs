//! Links and planted files, which lead no write astray.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use nkeys::KeyPair;
use portcullis_catalog::{RollbackError, rollback, sign_file};
use tempfile::TempDir;

use crate::kept::{Kept, name};
use crate::site::{greeting, names, open};

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
