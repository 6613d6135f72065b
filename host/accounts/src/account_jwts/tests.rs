//! Versions of account JWTs, on real and simulated disks.

use std::io;
use std::path::Path;
use std::thread;

use portcullis_claims::SigningKey;
use portcullis_files::{MemoryDisk, Operation, SystemDisk};

use super::*;
use crate::keys::Seed;

const NOW: u64 = 1_795_300_862;

/// An operator and one of its accounts.
struct Issuer {
    operator: SigningKey,
    account: PublicKey,
}

impl Issuer {
    fn new() -> Self {
        Self {
            operator: Seed::generate(KeyKind::Operator).unwrap().signer().unwrap(),
            account: Seed::generate(KeyKind::Account).unwrap().public,
        }
    }

    fn sign(&self, issued_at: u64, name: &str) -> String {
        let mut claims = AccountClaims::new(self.account.as_str(), issued_at);
        claims.name = Some(name.to_owned());
        claims.sign(&self.operator).unwrap()
    }
}

fn in_memory() -> (MemoryDisk, AccountJwts) {
    let disk = MemoryDisk::default();
    let jwts = AccountJwts::open(Arc::new(disk.clone()), "/accounts".into()).unwrap();
    (disk, jwts)
}

fn name(jwts: &AccountJwts, account: &PublicKey) -> Option<String> {
    jwts.get(account)
        .unwrap()
        .and_then(|found| found.claims.name)
}

#[test]
fn a_version_replaces_an_earlier_one_and_no_later_one() {
    let (_, jwts) = in_memory();
    let issuer = Issuer::new();
    let (first, second) = (issuer.sign(NOW, "first"), issuer.sign(NOW + 1, "second"));
    assert_eq!(jwts.put(&first).unwrap(), Written::Added);
    assert_eq!(jwts.put(&second).unwrap(), Written::Replaced);
    assert_eq!(jwts.put(&second).unwrap(), Written::Unchanged);
    let other = issuer.sign(NOW + 1, "other of the same second");
    for older in [&first, &other] {
        let refused = jwts.put(older).unwrap_err();
        assert!(matches!(refused, StoreError::Older { .. }), "{refused}");
    }
    assert_eq!(name(&jwts, &issuer.account).as_deref(), Some("second"));
    assert_eq!(
        jwts.accounts().unwrap(),
        std::slice::from_ref(&issuer.account)
    );
    assert!(jwts.delete(&issuer.account).unwrap());
    assert!(!jwts.delete(&issuer.account).unwrap());
    assert_eq!(name(&jwts, &issuer.account), None);
}

#[test]
fn a_version_that_changed_meanwhile_is_not_overwritten() {
    let (_, jwts) = in_memory();
    let issuer = Issuer::new();
    let id = |jwts: &AccountJwts| {
        jwts.get(&issuer.account)
            .unwrap()
            .unwrap()
            .claims
            .id
            .unwrap()
    };
    jwts.replace(&issuer.sign(NOW, "mine"), None).unwrap();
    let read = id(&jwts);
    jwts.put(&issuer.sign(NOW + 1, "theirs")).unwrap();
    for expected in [Some(read.as_str()), None] {
        let refused = jwts.replace(&issuer.sign(NOW + 2, "mine"), expected);
        assert!(
            matches!(refused, Err(StoreError::Changed(_))),
            "{refused:?}"
        );
    }
    assert_eq!(name(&jwts, &issuer.account).as_deref(), Some("theirs"));
    let read = id(&jwts);
    jwts.replace(&issuer.sign(NOW + 2, "mine"), Some(&read))
        .unwrap();
}

#[test]
fn a_damaged_file_is_named_and_the_others_are_served() {
    let (disk, jwts) = in_memory();
    let (good, bad) = (Issuer::new(), Issuer::new());
    jwts.put(&good.sign(NOW, "good")).unwrap();
    let torn = bad.sign(NOW, "bad");
    for content in [torn.split_at(torn.len() / 2).0, &good.sign(NOW, "good"), ""] {
        disk.put(format!("/accounts/{}.jwt", bad.account), content.as_bytes());
        let error = jwts.get(&bad.account).unwrap_err().to_string();
        assert!(error.contains(bad.account.as_str()), "{error}");
        assert!(error.contains("is damaged"), "{error}");
    }
    disk.put("/accounts/.portcullis-1234.jwt", b"half");
    disk.put("/accounts/README", b"not a JWT");
    assert_eq!(jwts.accounts().unwrap().len(), 2);
    assert_eq!(name(&jwts, &good.account).as_deref(), Some("good"));
}

#[test]
fn a_spoilt_signature_is_noticed_after_many_good_ones() {
    let (disk, jwts) = in_memory();
    let issuer = Issuer::new();
    let token = issuer.sign(NOW, "APP");
    jwts.put(&token).unwrap();
    // By now, the operator's key is verified in another way.
    for _ in 0..100 {
        assert_eq!(name(&jwts, &issuer.account).as_deref(), Some("APP"));
    }
    let path = format!("/accounts/{}.jwt", issuer.account);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let (_, rest) = signature.split_at(1);
    disk.put(&path, format!("{head}.{other}{rest}").as_bytes());
    let error = jwts.get(&issuer.account).unwrap_err().to_string();
    assert!(error.contains("is damaged"), "{error}");
}

#[test]
fn what_is_no_account_jwt_is_refused() {
    let (_, jwts) = in_memory();
    let token = Issuer::new().sign(NOW, "x");
    let mut flipped = token.clone();
    let last = flipped.pop().unwrap();
    flipped.push(if last == 'A' { 'Q' } else { 'A' });
    for text in ["", "x.y.z", &flipped] {
        assert!(
            matches!(jwts.put(text), Err(StoreError::Token(_))),
            "{text}"
        );
    }
    assert!(jwts.accounts().unwrap().is_empty());
}

#[test]
fn a_failed_write_leaves_the_earlier_version() {
    let (disk, jwts) = in_memory();
    let issuer = Issuer::new();
    jwts.put(&issuer.sign(NOW, "before")).unwrap();
    for failing in [Operation::Replace, Operation::Open, Operation::Lock] {
        disk.set_hook(move |operation, _: &Path| {
            if operation == failing {
                return Err(io::Error::other("power is out"));
            }
            Ok(())
        });
        let failed = jwts.put(&issuer.sign(NOW + 1, "after")).unwrap_err();
        assert!(matches!(failed, StoreError::Write { .. }), "{failed}");
        disk.set_hook(|_, _: &Path| Ok(()));
        assert_eq!(name(&jwts, &issuer.account).as_deref(), Some("before"));
    }
    disk.set_capacity(Some(disk.used() + 10));
    assert!(jwts.put(&issuer.sign(NOW + 1, "after")).is_err());
    assert_eq!(name(&jwts, &issuer.account).as_deref(), Some("before"));
}

#[test]
fn writers_at_once_lose_no_write() {
    const EACH: u64 = 20;
    let scratch = tempfile::tempdir().unwrap();
    let issuer = Issuer::new();
    let open = || AccountJwts::open(Arc::new(SystemDisk), scratch.path().join("a")).unwrap();
    open().put(&issuer.sign(NOW, "0")).unwrap();
    // Each writer reads a number and stores the next one.
    let count = || {
        let jwts = open();
        for _ in 0..EACH {
            loop {
                let read = jwts.get(&issuer.account).unwrap().unwrap();
                let next: u64 = read.claims.name.as_deref().unwrap().parse::<u64>().unwrap() + 1;
                let token = issuer.sign(NOW + next, &next.to_string());
                match jwts.replace(&token, read.claims.id.as_deref()) {
                    Ok(_) => break,
                    Err(StoreError::Changed(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(count);
        }
    });
    assert_eq!(name(&open(), &issuer.account), Some((3 * EACH).to_string()));
}
