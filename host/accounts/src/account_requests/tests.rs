//! Accounts that signed themselves, with a store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use portcullis_claims::{AccountClaims, Export, OperatorClaims, ShareKind};
use portcullis_core::{AccountLimit, KeyKind, SampleValue};
use portcullis_environment::ManualClock;
use portcullis_files::MemoryDisk;
use rstest::rstest;

use super::options::{MAX_PER_MINUTE, TAG};
use super::*;
use crate::keys::Seed;
use crate::validate::Validate as _;

const NOW: u64 = 1_795_300_862;

/// A store, and the signer of its accounts.
struct Site {
    store: Store,
    clock: ManualClock,
    requests: AccountRequests,
}

impl Site {
    fn new() -> Self {
        Self::with(AccountRequestOptions::default())
    }

    fn with(options: AccountRequestOptions) -> Self {
        let disk = MemoryDisk::default();
        let store = Store::at(Arc::new(disk), Path::new("/store"));
        let seed = Seed::generate(KeyKind::Operator).unwrap();
        let mut claims = OperatorClaims::new(seed.public.as_str(), NOW);
        claims.name = Some("op".to_owned());
        store.create(claims, &seed, NOW).unwrap();
        let clock = ManualClock::new(NOW);
        let requests =
            AccountRequests::new(store.clone(), Arc::new(clock.clone()), options).unwrap();
        Self {
            store,
            clock,
            requests,
        }
    }

    fn read(&self, token: &str) -> Result<AskedAccount, NotAsked> {
        AskedAccount::read(token.as_bytes(), self.clock.unix_seconds())
    }

    async fn sign(&self, token: &str) -> Result<AccountJwt, NotSigned> {
        let asked = self.read(token).unwrap();
        self.requests.check(&asked).await?;
        self.requests.sign(&asked, granted()).await
    }

    fn failures(&self, reason: &str) -> u64 {
        let samples = self.requests.samples();
        let found = samples.iter().find(|sample| {
            sample.name == "account_request_failures"
                && sample.labels.iter().any(|(_, value)| value == reason)
        });
        match found.unwrap().value {
            SampleValue::Counter(number) => number,
            _ => panic!("no number"),
        }
    }
}

fn granted() -> Granted {
    Granted {
        limits: BTreeMap::from([(AccountLimit::Connections, 10)]),
        tags: vec!["policy:teams".to_owned()],
        expires_at: None,
    }
}

fn key() -> Seed {
    Seed::generate(KeyKind::Account).unwrap()
}

/// Returns the request of the account `key`, issued at `issued_at`.
fn request(key: &Seed, name: &str, issued_at: u64, fill: fn(&mut AccountClaims)) -> String {
    let mut claims = AccountClaims::new(key.public.as_str(), issued_at);
    claims.name = Some(name.to_owned());
    fill(&mut claims);
    claims.sign(&key.signer().unwrap()).unwrap()
}

#[tokio::test]
async fn an_account_is_signed_within_its_caps_and_stored() {
    let site = Site::new();
    let account = key();
    let token = request(&account, "team-a", NOW, |claims| {
        claims.nats.limits.jetstream.disk_storage = -1;
        claims.nats.tags = vec![
            "owner:me".to_owned(),
            "made-at-first-login:1".to_owned(),
            " Policy:admins".to_owned(),
            format!("{TAG}1"),
        ];
        claims.nats.description = "of team a".to_owned();
        claims.nats.revocations.insert("*".to_owned(), 5);
    });
    let jwt = site.sign(&token).await.unwrap();
    let (operator, _) = site.store.operator().unwrap();
    assert_eq!(jwt.claims.issuer, operator.subject);
    assert_eq!(jwt.claims.name.as_deref(), Some("team-a"));
    let account_claims = &jwt.claims.nats;
    assert_eq!(account_claims.limits.connections, 10);
    assert_eq!(account_claims.limits.subs, 100_000);
    assert_eq!(account_claims.limits.jetstream.disk_storage, 0);
    assert_eq!(account_claims.description, "of team a");
    assert_eq!(account_claims.revocations.get("*"), Some(&5));
    let tags = ["owner:me", "policy:teams", &format!("{TAG}{NOW}")];
    assert_eq!(account_claims.tags, tags);
    assert!(!jwt.claims.validate(NOW).is_refused());
    let stored = site.store.accounts().get(&account.public).unwrap().unwrap();
    assert_eq!(stored.token, jwt.token);
}

#[tokio::test]
async fn a_replay_undoes_no_later_version() {
    let site = Site::new();
    let account = key();
    // The clock of the account is 30 s ahead.
    let first = request(&account, "team-a", NOW + 30, |_| ());
    let second = request(&account, "team-a", NOW + 31, |claims| {
        claims.nats.revocations.insert("*".to_owned(), 9);
    });
    site.sign(&first).await.unwrap();
    let again = site.sign(&first).await.unwrap_err();
    assert!(matches!(again, NotSigned::Older { .. }), "{again}");
    let jwt = site.sign(&second).await.unwrap();
    // The time of the first signature stays, so an update is no new account.
    assert!(jwt.claims.nats.tags.contains(&format!("{TAG}{NOW}")));
    let replayed = site.sign(&first).await.unwrap_err();
    assert!(matches!(replayed, NotSigned::Older { .. }), "{replayed}");
    let stored = site.store.accounts().get(&account.public).unwrap().unwrap();
    assert_eq!(stored.token, jwt.token);
    assert_eq!(site.failures("older"), 2);
    // A deleted account does not come back by an old request.
    site.store.accounts().delete(&account.public).unwrap();
    for token in [&first, &second] {
        let replayed = site.sign(token).await.unwrap_err();
        assert!(matches!(replayed, NotSigned::Older { .. }), "{replayed}");
    }
    assert_eq!(site.failures("older"), 4);
    site.clock.advance(Duration::from_secs(631));
    let old = site.read(&first).unwrap_err();
    assert!(matches!(old, NotAsked::TooOld(_)), "{old}");
}

#[tokio::test]
async fn no_request_replaces_an_account_that_was_made_otherwise() {
    let reserved = key();
    let site = Site::with(AccountRequestOptions {
        reserved: BTreeSet::from([reserved.public.clone()]),
        ..AccountRequestOptions::default()
    });
    let own = key();
    let mut claims = AccountClaims::new(own.public.as_str(), NOW - 5);
    claims.name = Some("APP".to_owned());
    site.store.put_account(claims, NOW - 5).unwrap();
    for (key, name) in [(&own, "team-a"), (&reserved, "team-b")] {
        let refused = site.sign(&request(key, name, NOW, |_| ())).await;
        assert!(matches!(refused, Err(NotSigned::Foreign)), "{refused:?}");
    }
    let taken = site.sign(&request(&key(), "APP", NOW, |_| ())).await;
    assert!(matches!(taken, Err(NotSigned::Taken(_))), "{taken:?}");
}

#[tokio::test]
async fn the_number_of_accounts_and_their_rate_are_limited() {
    let site = Site::with(AccountRequestOptions {
        max_accounts: 3,
        max_per_hour: 2,
        ..AccountRequestOptions::default()
    });
    let first = key();
    site.sign(&request(&first, "team-0", NOW, |_| ()))
        .await
        .unwrap();
    site.sign(&request(&key(), "team-1", NOW, |_| ()))
        .await
        .unwrap();
    let fast = site.sign(&request(&key(), "team-2", NOW, |_| ())).await;
    assert!(matches!(fast, Err(NotSigned::TooFast(2))), "{fast:?}");
    site.clock.advance(Duration::from_hours(2));
    let later = NOW + 7200;
    site.sign(&request(&key(), "team-2", later, |_| ()))
        .await
        .unwrap();
    let many = site.sign(&request(&key(), "team-3", later, |_| ())).await;
    assert!(matches!(many, Err(NotSigned::TooMany(3))), "{many:?}");
}

/// Returns a site with this number of accounts that were signed just now, and their keys.
async fn busy(accounts: usize) -> (Site, Vec<Seed>) {
    let site = Site::with(AccountRequestOptions {
        max_per_hour: MAX_PER_MINUTE,
        ..AccountRequestOptions::default()
    });
    let mut keys = Vec::new();
    for number in 0..accounts {
        let account = key();
        let token = request(&account, &format!("team-{number}"), NOW, |_| ());
        site.sign(&token).await.unwrap();
        keys.push(account);
    }
    (site, keys)
}

#[tokio::test]
async fn a_host_signs_so_many_requests_within_a_minute() {
    let (site, keys) = busy(MAX_PER_MINUTE).await;
    // An update is no new account, but counts for the host.
    let token = request(&keys[0], "team-0", NOW + 1, |_| ());
    let busy = site.sign(&token).await;
    assert!(matches!(busy, Err(NotSigned::TooBusy(_))), "{busy:?}");
    site.clock.advance(Duration::from_mins(1));
    site.sign(&token).await.unwrap();
}

#[tokio::test]
async fn no_account_uses_up_what_a_host_signs() {
    let (site, keys) = busy(2).await;
    let update = |key, second| request(key, "team-0", NOW + second, |_| ());
    for second in 1..10 {
        site.sign(&update(&keys[0], second)).await.unwrap();
    }
    let often = site.sign(&update(&keys[0], 10)).await;
    assert!(matches!(often, Err(NotSigned::TooOften(10))), "{often:?}");
    assert_eq!(site.failures("max-per-minute"), 1);
    let other = request(&keys[1], "team-1", NOW + 10, |_| ());
    site.sign(&other).await.unwrap();
    site.clock.advance(Duration::from_mins(1));
    site.sign(&update(&keys[0], 10)).await.unwrap();
}

#[tokio::test]
async fn a_name_that_another_process_gave_an_account_is_taken() {
    let site = Site::new();
    let options = AccountRequestOptions::default();
    let clock = Arc::new(site.clock.clone());
    let other = AccountRequests::new(site.store.clone(), clock, options).unwrap();
    let (first, second) = (key(), key());
    site.sign(&request(&first, "team-a", NOW, |_| ()))
        .await
        .unwrap();
    // Another host lets the account rename itself.
    let renamed = site
        .read(&request(&first, "team-b", NOW + 1, |_| ()))
        .unwrap();
    other.sign(&renamed, granted()).await.unwrap();
    let taken = site.sign(&request(&second, "team-b", NOW, |_| ())).await;
    assert!(matches!(taken, Err(NotSigned::Taken(_))), "{taken:?}");
    site.sign(&request(&second, "team-a", NOW, |_| ()))
        .await
        .unwrap();
    let renamed = site
        .read(&request(&first, "team-c", NOW + 2, |_| ()))
        .unwrap();
    other.sign(&renamed, granted()).await.unwrap();
    let taken = site
        .sign(&request(&second, "team-c", NOW + 2, |_| ()))
        .await;
    assert!(matches!(taken, Err(NotSigned::Taken(_))), "{taken:?}");
}

#[tokio::test]
async fn no_tag_that_a_policy_hands_on_says_how_the_account_was_made() {
    let site = Site::new();
    let account = key();
    let asked = site
        .read(&request(&account, "team-a", NOW, |_| ()))
        .unwrap();
    let granted = Granted {
        tags: vec![
            "owner:me".to_owned(),
            format!("{TAG}1"),
            " Made-At-First-Login:1".to_owned(),
            "policy:teams".to_owned(),
        ],
        ..granted()
    };
    let jwt = site.requests.sign(&asked, granted).await.unwrap();
    let tags = ["owner:me", "policy:teams", &format!("{TAG}{NOW}")];
    assert_eq!(jwt.claims.nats.tags, tags);
}

#[tokio::test]
async fn an_account_that_has_more_than_its_caps_is_not_signed() {
    let site = Site::new();
    let token = request(&key(), "team-a", NOW, |claims| {
        claims.nats.exports.push(Export {
            subject: "offers".to_owned(),
            kind: Some(ShareKind::Stream),
            ..Export::default()
        });
    });
    let refused = site.sign(&token).await.unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("1 exports, the operator allows 0"), "{text}");
    let ended = request(&key(), "team-b", NOW, |_| ());
    let granted = Granted {
        expires_at: Some(NOW),
        ..granted()
    };
    let asked = site.read(&ended).unwrap();
    let ended = site.requests.sign(&asked, granted).await;
    assert!(matches!(ended, Err(NotSigned::Ended)), "{ended:?}");
    assert!(site.store.accounts().accounts().unwrap().is_empty());
}

#[rstest]
#[case("name", |claims: &mut AccountClaims| claims.name = None)]
#[case("time", |claims: &mut AccountClaims| claims.issued_at = Some(NOW - 601))]
#[case("time", |claims: &mut AccountClaims| claims.issued_at = Some(NOW + 61))]
#[case("not-limited", |claims: &mut AccountClaims| claims.nats.authorization.auth_users.push("U".to_owned()))]
#[case("not-limited", |claims: &mut AccountClaims| claims.nats.cluster_traffic = "owner".to_owned())]
#[case("not-limited", |claims: &mut AccountClaims| {
    claims.nats.limits.tiers.insert("R1".to_owned(), portcullis_claims::JetStreamLimits::default());
})]
#[case("invalid", |claims: &mut AccountClaims| claims.expires_at = Some(NOW - 1))]
fn what_is_no_request_is_named(#[case] reason: &str, #[case] fill: fn(&mut AccountClaims)) {
    let token = request(&key(), "team-a", NOW, fill);
    let error = AskedAccount::read(token.as_bytes(), NOW).unwrap_err();
    assert_eq!(error.reason(), reason, "{error}");
}

#[test]
fn only_the_accounts_own_key_asks() {
    let account = key();
    let mut claims = AccountClaims::new(account.public.as_str(), NOW);
    claims.name = Some("team-a".to_owned());
    let other = claims.sign(&key().signer().unwrap()).unwrap();
    let error = AskedAccount::read(other.as_bytes(), NOW).unwrap_err();
    assert_eq!(error.reason(), "other-signer", "{error}");
    let mut token = request(&account, "team-a", NOW, |_| ());
    token.truncate(token.len() - 4);
    let error = AskedAccount::read(token.as_bytes(), NOW).unwrap_err();
    assert_eq!(error.reason(), "unreadable", "{error}");
    let large = vec![b'e'; (64 << 10) + 1];
    let error = AskedAccount::read(&large, NOW).unwrap_err();
    assert_eq!(error.reason(), "too-large", "{error}");
}
