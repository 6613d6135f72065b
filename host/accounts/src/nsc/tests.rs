//! A store of nsc 2.10.3, read; and a store of ours, written and read again.

use std::fs;

use portcullis_files::{MemoryDisk, SystemDisk};

use super::*;

/// A time after that at which nsc made the store.
const NOW: u64 = 1_795_300_862;

/// A store that nsc made: the operator `OP` with a signing key; the system account; `APP` with a
/// role, two users and auth callout. The seeds are public. The seed of the user `away` is missing.
fn fixture() -> Nsc {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nsc");
    Nsc::at(Arc::new(SystemDisk), &root)
}

fn empty_store() -> (MemoryDisk, Store) {
    let disk = MemoryDisk::default();
    let store = Store::at(Arc::new(disk.clone()), Path::new("/store"));
    (disk, store)
}

#[test]
fn a_store_of_nsc_is_taken_over() {
    let (_, store) = empty_store();
    assert_eq!(fixture().operators().unwrap(), ["OP"]);
    let done = fixture().import("OP", &store, NOW).unwrap();
    assert_eq!((done.accounts, done.users), (2, 3));
    assert_eq!(done.missing.len(), 1, "{:?}", done.missing);
    assert!(done.kept.is_empty() && done.refused.is_empty());
    let app = store.account("APP").unwrap();
    let away = store.find_user(&app.account, "away").unwrap();
    assert_eq!(done.missing, [away.user.to_string()]);
    let ann = store.find_user(&app.account, "ann").unwrap();
    assert!(store.keys().get(&ann.user).unwrap().is_some());
    // The operator's signing key is there and signs.
    let mut claims = app.claims.clone();
    claims.nats.description = "changed".to_owned();
    store.put_account(claims, app.issued_at() + 10).unwrap();
    // A second import keeps the later version.
    let again = fixture().import("OP", &store, NOW).unwrap();
    assert_eq!(
        (again.accounts, again.kept.len()),
        (1, 1),
        "{:?}",
        again.kept
    );
    assert_eq!(
        store.account("APP").unwrap().claims.nats.description,
        "changed"
    );
    // The operator brings a deleted account back.
    store
        .delete_account(&store.account("APP").unwrap(), true)
        .unwrap();
    let back = fixture().import("OP", &store, NOW).unwrap();
    assert!(back.kept.is_empty(), "{:?}", back.kept);
    assert_eq!(store.account("APP").unwrap().account, app.account);
}

#[test]
fn a_later_user_stays_and_what_servers_refuse_is_named() {
    let (_, store) = empty_store();
    fixture().import("OP", &store, NOW).unwrap();
    let app = store.account("APP").unwrap();
    let ann = store.find_user(&app.account, "ann").unwrap();
    let later = ann.claims.issued_at.unwrap() + 10;
    let mut claims = ann.claims;
    claims.nats.tags.push("later".to_owned());
    store.put_user(&app, claims, None, later).unwrap();
    let again = fixture().import("OP", &store, NOW).unwrap();
    assert_eq!(
        again.kept,
        ["the user `ann` of `APP`: the store has a later version"]
    );
    let ann = store.find_user(&app.account, "ann").unwrap();
    assert_eq!(ann.claims.nats.tags, ["later"]);
    // The account ends, and the fixture is imported once more after that.
    let (disk, store) = empty_store();
    fixture().import("OP", &store, NOW).unwrap();
    let mut claims = store.account("APP").unwrap().claims;
    claims.expires_at = Some(NOW + 10);
    store.put_account(claims, NOW).unwrap();
    let nsc = Nsc::at(Arc::new(disk.clone()), Path::new("/nsc"));
    nsc.export(&store).unwrap();
    let second = Store::at(Arc::new(disk), Path::new("/second"));
    let done = nsc.import("OP", &second, NOW + 20).unwrap();
    let expected = format!(
        "the account `APP`: servers refuse this now: expired at {}",
        NOW + 10
    );
    assert_eq!(done.refused.len(), 1, "{:?}", done.refused);
    assert!(done.refused[0].starts_with(&expected), "{:?}", done.refused);
}

#[test]
fn a_store_of_another_operator_is_left_alone() {
    let (_, store) = empty_store();
    let seed = Seed::generate(portcullis_core::KeyKind::Operator).unwrap();
    let claims = OperatorClaims::new(seed.public.as_str(), 1);
    store.create(claims, &seed, 1).unwrap();
    let refused = fixture().import("OP", &store, NOW).unwrap_err();
    assert!(matches!(refused, StoreError::StoreExists(_)), "{refused}");
    assert!(store.list_accounts().unwrap().is_empty());
    let missing = fixture().import("NONE", &store, NOW).unwrap_err();
    assert!(matches!(missing, StoreError::Read { .. }), "{missing}");
}

#[test]
fn an_exported_store_is_imported_again() {
    let (disk, store) = empty_store();
    fixture().import("OP", &store, NOW).unwrap();
    let nsc = Nsc::at(Arc::new(disk.clone()), Path::new("/nsc"));
    let exported = nsc.export(&store).unwrap();
    assert_eq!((exported.accounts, exported.users), (2, 3));
    let again = nsc.export(&store).unwrap_err();
    assert!(matches!(again, StoreError::StoreExists(_)), "{again}");
    let second = Store::at(Arc::new(disk), Path::new("/second"));
    let imported = nsc.import("OP", &second, NOW).unwrap();
    assert_eq!(imported.seeds, exported.seeds);
    let tokens = |store: &Store| {
        let accounts = store.list_accounts().unwrap().into_iter();
        accounts
            .map(|account| account.unwrap().token)
            .collect::<Vec<_>>()
    };
    assert_eq!(tokens(&second), tokens(&store));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_store_with_all_in_one_directory_is_taken_over() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nsc");
    let home = tempfile::tempdir().unwrap();
    copy(&root.join("stores"), home.path());
    copy(&root.join("keys/keys"), &home.path().join("keys"));
    fs::create_dir(home.path().join("creds")).unwrap();
    let nsc = Nsc::at(Arc::new(SystemDisk), home.path());
    assert_eq!(nsc.operators().unwrap(), ["OP"]);
    let (_, store) = empty_store();
    let done = nsc.import("OP", &store, NOW).unwrap();
    let (_, usual) = empty_store();
    assert_eq!(done, fixture().import("OP", &usual, NOW).unwrap());
}
