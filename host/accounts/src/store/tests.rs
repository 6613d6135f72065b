//! A store from its operator to its users.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use portcullis_claims::{AccountClaims, UserFields, UserScope};
use portcullis_files::{MemoryDisk, SystemDisk};

use super::*;

const NOW: u64 = 1_795_300_862;

struct Site {
    store: Store,
    disk: MemoryDisk,
}

impl Site {
    fn new() -> Self {
        let disk = MemoryDisk::default();
        let store = Store::at(Arc::new(disk.clone()), Path::new("/store"));
        let seed = Seed::generate(KeyKind::Operator).unwrap();
        let mut claims = OperatorClaims::new(seed.public.as_str(), NOW);
        claims.name = Some("op".to_owned());
        store.create(claims, &seed, NOW).unwrap();
        Self { store, disk }
    }

    fn add_account(&self, name: &str) -> AccountJwt {
        let seed = self.store.keys().generate(KeyKind::Account).unwrap();
        let mut claims = AccountClaims::new(seed.public.as_str(), NOW);
        claims.name = Some(name.to_owned());
        let signed = self.store.put_account(claims, NOW).unwrap();
        AccountJwt::decode(&signed.token).unwrap()
    }
}

fn user(name: &str, fields: UserFields) -> UserClaims {
    let seed = Seed::generate(KeyKind::User).unwrap();
    let mut claims = UserClaims::new(seed.public.as_str(), fields, NOW);
    claims.name = Some(name.to_owned());
    claims
}

#[test]
fn entries_are_found_by_name_and_by_key() {
    let site = Site::new();
    let (app, other) = (site.add_account("APP"), site.add_account("OTHER"));
    let store = &site.store;
    assert_eq!(store.account("APP").unwrap().account, app.account);
    assert_eq!(
        store.account(other.account.as_str()).unwrap().account,
        other.account
    );
    let unknown = store.account("NONE").unwrap_err().to_string();
    assert!(unknown.contains("no account `NONE`"), "{unknown}");
    let signed = store
        .put_user(&app, user("ann", UserFields::default()), None, NOW)
        .unwrap();
    let found = store.find_user(&app.account, "ann").unwrap();
    assert_eq!(found.token, signed.token);
    assert_eq!(store.users(&app.account).unwrap().len(), 1);
    assert!(store.find_user(&other.account, "ann").is_err());
    assert!(matches!(
        store.check_account_name("APP"),
        Err(StoreError::Taken { .. })
    ));
    assert!(store.check_account_name("NEW").is_ok());
    site.add_account("APP");
    assert!(matches!(
        store.account("APP"),
        Err(StoreError::Ambiguous { .. })
    ));
}

#[test]
fn a_damaged_account_does_not_hide_the_others() {
    let site = Site::new();
    site.add_account("APP");
    let key = Seed::generate(KeyKind::Account).unwrap().public;
    site.disk.put(format!("/store/accounts/{key}.jwt"), b"torn");
    assert!(site.store.account("APP").is_ok());
    let all = site.store.list_accounts().unwrap();
    assert_eq!(all.iter().filter(|account| account.is_err()).count(), 1);
    assert!(matches!(
        site.store.account(key.as_str()),
        Err(StoreError::Damaged { .. })
    ));
}

#[test]
fn versions_follow_each_other_also_within_a_second() {
    let site = Site::new();
    let first = site.add_account("APP");
    let second = site.store.put_account(first.claims.clone(), NOW).unwrap();
    let second = AccountJwt::decode(&second.token).unwrap();
    assert_eq!(second.issued_at(), first.issued_at() + 1);
    let lost = site.store.put_account(first.claims, NOW);
    assert!(matches!(lost, Err(StoreError::Changed(_))), "{lost:?}");
    let (operator, _) = site.store.operator().unwrap();
    site.store.put_operator(operator.clone(), NOW).unwrap();
    let lost = site.store.put_operator(operator, NOW);
    assert!(matches!(lost, Err(StoreError::Changed(_))), "{lost:?}");
}

#[test]
fn claims_that_servers_refuse_are_not_written() {
    let site = Site::new();
    let mut app = site.add_account("APP");
    let before = site.store.account("APP").unwrap().token;
    app.claims.nats.limits.imports = 0;
    app.claims
        .nats
        .imports
        .push(portcullis_claims::Import::default());
    let refused = site.store.put_account(app.claims.clone(), NOW).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("1 imports, the operator allows 0"),
        "{refused}"
    );
    assert_eq!(site.store.account("APP").unwrap().token, before);
    let mut expired = user("ann", UserFields::default());
    expired.expires_at = Some(NOW - 1);
    let app = site.store.account("APP").unwrap();
    let refused = site.store.put_user(&app, expired, None, NOW).unwrap_err();
    assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
}

#[test]
fn signing_keys_sign_before_the_identity_and_alone_if_the_operator_says_so() {
    let site = Site::new();
    let store = &site.store;
    let identity = store.operator_seed().unwrap().public;
    let (mut operator, _) = store.operator().unwrap();
    operator.nats.strict_signing_key_usage = true;
    store.put_operator(operator, NOW).unwrap();
    let missing = store.operator_seed().unwrap_err();
    assert!(matches!(missing, StoreError::NoSigningKey), "{missing}");
    let (mut operator, _) = store.operator().unwrap();
    let key = store.keys().generate(KeyKind::Operator).unwrap().public;
    operator.nats.signing_keys.push(key.to_string());
    store.put_operator(operator, NOW).unwrap();
    assert_ne!(identity, key);
    let app = site.add_account("APP");
    assert_eq!(app.claims.issuer.as_deref(), Some(key.as_str()));
}

#[test]
fn users_are_signed_by_the_wanted_key() {
    let site = Site::new();
    let store = &site.store;
    let app = site.add_account("APP");
    let sign = |app: &AccountJwt, fields, signer: Option<&str>| {
        let signed = store.put_user(app, user("u", fields), signer, NOW)?;
        Ok::<_, StoreError>(UserClaims::decode(&signed.token).unwrap())
    };
    let own = sign(&app, UserFields::default(), None).unwrap();
    assert_eq!(own.issuer.as_deref(), Some(app.account.as_str()));
    assert_eq!(own.nats.issuer_account, None);
    let [plain, scoped] = [(); 2].map(|()| store.keys().generate(KeyKind::Account).unwrap().public);
    let mut claims = app.claims.clone();
    claims.nats.signing_keys.insert_plain(plain.as_str());
    claims.nats.signing_keys.insert_scope(UserScope {
        key: scoped.to_string(),
        role: "reader".to_owned(),
        ..UserScope::default()
    });
    store.put_account(claims, NOW).unwrap();
    let app = store.account("APP").unwrap();
    let by_key = sign(&app, UserFields::default(), None).unwrap();
    assert_eq!(by_key.issuer.as_deref(), Some(plain.as_str()));
    assert_eq!(
        by_key.nats.issuer_account.as_deref(),
        Some(app.account.as_str())
    );
    sign(&app, UserFields::default(), Some(scoped.as_str())).unwrap();
    let limited = UserFields {
        subs: 5,
        ..UserFields::default()
    };
    let refused = sign(&app, limited, Some(scoped.as_str())).unwrap_err();
    assert!(refused.to_string().contains("scoped"), "{refused}");
    let stranger = Seed::generate(KeyKind::Account).unwrap().public;
    let refused = sign(&app, UserFields::default(), Some(stranger.as_str())).unwrap_err();
    assert!(matches!(refused, StoreError::NoSeed { .. }), "{refused}");
}

#[test]
fn a_user_that_is_signed_again_is_no_longer_revoked() {
    let site = Site::new();
    let mut app = site.add_account("APP");
    let signed = site
        .store
        .put_user(&app, user("u", UserFields::default()), None, NOW)
        .unwrap();
    let claims = UserClaims::decode(&signed.token).unwrap();
    let key = claims.subject.clone().unwrap();
    let revoked = i64::try_from(NOW + 5).unwrap();
    app.claims.nats.revocations.insert(key, revoked);
    let signed = site.store.put_user(&app, claims, None, NOW).unwrap();
    let again = UserClaims::decode(&signed.token).unwrap();
    assert_eq!(again.issued_at, Some(NOW + 6));
}

#[test]
fn what_is_deleted_is_gone_with_its_seeds() {
    let site = Site::new();
    let app = site.add_account("APP");
    let ann = user("ann", UserFields::default());
    let key: PublicKey = ann.subject.as_deref().unwrap().parse().unwrap();
    site.store.put_user(&app, ann.clone(), None, NOW).unwrap();
    site.store.delete_user(&app.account, &key, true).unwrap();
    assert!(site.store.user(&app.account, &key).unwrap().is_none());
    site.store.put_user(&app, ann, None, NOW).unwrap();
    assert_eq!(site.store.keys().keys().unwrap().len(), 2);
    site.store.delete_account(&app, true).unwrap();
    assert!(site.store.account("APP").is_err());
    assert!(site.store.users(&app.account).unwrap().is_empty());
    assert_eq!(site.store.keys().keys().unwrap().len(), 1);
}

#[test]
fn seeds_that_other_entries_need_stay() {
    let site = Site::new();
    let (app, tenant) = (site.add_account("APP"), site.add_account("tenant"));
    let (operator, _) = site.store.operator().unwrap();
    // A request of an account can name any public keys as its own.
    let mut claims = tenant.claims.clone();
    let keys = &mut claims.nats.signing_keys;
    keys.insert_plain(app.account.as_str());
    keys.insert_plain(operator.subject.as_deref().unwrap());
    keys.insert_plain("../operator");
    let token = site.store.operator_seed().unwrap().signer().unwrap();
    claims.issued_at = Some(NOW + 1);
    let token = claims.sign(&token).unwrap();
    site.store.accounts().put(&token).unwrap();
    // Both accounts have the same user.
    let ann = Seed::generate(KeyKind::User).unwrap();
    site.store.keys().insert(&ann).unwrap();
    for account in [&app, &tenant] {
        let claims = UserClaims::new(ann.public.as_str(), UserFields::default(), NOW);
        site.store.put_user(account, claims, None, NOW).unwrap();
    }
    let tenant = site.store.account("tenant").unwrap();
    site.store.delete_account(&tenant, true).unwrap();
    let has = |key: &PublicKey| site.store.keys().get(key).unwrap().is_some();
    assert!(!has(&tenant.account), "its own seed is gone");
    assert!(has(&app.account) && has(&ann.public));
    site.store.operator_seed().unwrap();
    site.store
        .delete_user(&app.account, &ann.public, true)
        .unwrap();
    assert!(!has(&ann.public), "no other entry needs it");
}

#[test]
fn only_the_owner_can_read_the_store() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("store");
    let store = Store::at(Arc::new(SystemDisk), &root);
    let none = store.operator().unwrap_err().to_string();
    assert!(none.contains("portcullis operator add"), "{none}");
    let seed = Seed::generate(KeyKind::Operator).unwrap();
    let claims = OperatorClaims::new(seed.public.as_str(), NOW);
    store.create(claims.clone(), &seed, NOW).unwrap();
    let again = store.create(claims, &seed, NOW).unwrap_err();
    assert!(matches!(again, StoreError::StoreExists(_)), "{again}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join("keys")), 0o700);
    assert_eq!(mode(&store.keys().path(&seed.public)), 0o600);
    assert_eq!(mode(&root.join("operator.jwt")), 0o600);
    assert_eq!(
        store.keys().get(&seed.public).unwrap().unwrap().expose(),
        seed.expose()
    );
}

#[test]
fn old_temporary_files_are_removed_and_others_stay() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::at(Arc::new(SystemDisk), home.path());
    let seed = Seed::generate(KeyKind::Operator).unwrap();
    let mut claims = OperatorClaims::new(seed.public.as_str(), NOW);
    claims.name = Some("op".to_owned());
    store.create(claims, &seed, NOW).unwrap();
    let now = SystemTime::now();
    let file = |path: &str, age: u64| {
        let path = home.path().join(path);
        let file = fs::File::create(&path).unwrap();
        file.set_modified(now - Duration::from_secs(age)).unwrap();
        path
    };
    let young = file("accounts/.portcullis-1", 3500);
    let others = file("accounts/other", 7200);
    let old = [
        file(".portcullis-2", 3600),
        file("accounts/.portcullis-3", 7200),
        file("keys/.portcullis-4", 7200),
    ];
    // A writer of accounts is at work: its lock is waited for.
    let lock = SystemDisk
        .lock(&home.path().join("accounts/.lock"))
        .unwrap();
    thread::scope(|scope| {
        let removed = scope.spawn(|| store.remove_leftovers(now));
        drop(lock);
        removed.join().unwrap().unwrap();
    });
    assert!(old.iter().all(|path| !path.exists()));
    assert!(young.exists() && others.exists());
    assert_eq!(store.operator().unwrap().0.name.as_deref(), Some("op"));
}

#[test]
fn a_store_of_copied_files_gets_its_directories() {
    let site = Site::new();
    let copy = tempfile::tempdir().unwrap();
    let root = copy.path().join("copy");
    fs::create_dir(&root).unwrap();
    let (_, operator) = site.store.operator().unwrap();
    fs::write(root.join("operator.jwt"), operator).unwrap();
    let store = Store::at(Arc::new(SystemDisk), &root);
    let app = site.add_account("APP");
    store.accounts().put(&app.token).unwrap();
    assert_eq!(store.account("APP").unwrap().token, app.token);
    store.keys().generate(KeyKind::Account).unwrap();
    for directory in ["accounts", "keys"] {
        let mode = fs::metadata(root.join(directory))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{directory}");
    }
}
