//! Accounts at first login, with a store and servers in memory.

use std::collections::BTreeMap;
use std::path::Path;

use futures::StreamExt as _;
use futures::future::join_all;
use portcullis_claims::{AccountClaims, OperatorClaims};
use portcullis_connect::MemoryNats;
use portcullis_core::{KeyKind, SampleValue};
use portcullis_environment::ManualClock;
use portcullis_files::MemoryDisk;
use serde_json::json;

use super::options::TAG;
use super::*;

const NOW: u64 = 1_795_300_862;

/// A long time, which a test waits only if it fails.
const LONG: Duration = Duration::from_mins(1);

const UPDATED: &str = "jwt updated";
const SKIPPED: &str = "jwt update skipped";

/// The signers that the tests look at: public keys by account name.
#[derive(Debug, Default)]
struct Signers(Mutex<BTreeMap<String, (PublicKey, PublicKey)>>);

impl AccountSigners for Signers {
    fn add(&self, name: &AccountName, key: &PublicKey, seed: &Seed) -> Result<(), StoreError> {
        let keys = (key.clone(), seed.public.clone());
        self.0.lock().insert(name.to_string(), keys);
        Ok(())
    }

    fn remove(&self, name: &AccountName) {
        self.0.lock().remove(name.as_str());
    }
}

/// A store, the servers of its system, and one host.
struct Site {
    store: Store,
    disk: MemoryDisk,
    clock: ManualClock,
    nats: MemoryNats,
    signers: Arc<Signers>,
    logins: Arc<FirstLogins>,
}

impl Site {
    fn new() -> Self {
        Self::with(FirstLoginOptions::default())
    }

    fn with(options: FirstLoginOptions) -> Self {
        let disk = MemoryDisk::default();
        let store = Store::at(Arc::new(disk.clone()), Path::new("/store"));
        let seed = Seed::generate(KeyKind::Operator).unwrap();
        let mut claims = OperatorClaims::new(seed.public.as_str(), NOW);
        claims.name = Some("op".to_owned());
        store.create(claims, &seed, NOW).unwrap();
        let clock = ManualClock::new(NOW);
        let signers = Arc::new(Signers::default());
        let site = Self {
            logins: logins(&store, &clock, options, &signers),
            nats: MemoryNats::default(),
            store,
            disk,
            clock,
            signers,
        };
        site.logins.connected(site.nats.clone());
        site
    }

    /// Adds a server that answers every push with `answer`, and returns the number of pushes.
    async fn server(&self, id: &'static str, answer: &'static str) -> Arc<AtomicU64> {
        let pushes = Arc::new(AtomicU64::new(0));
        let (nats, count) = (self.nats.clone(), Arc::clone(&pushes));
        let subject = "$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE".into();
        let mut requests = nats.subscribe(subject).await.unwrap();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                count.fetch_add(1, Ordering::Relaxed);
                let server = json!({ "id": id, "name": id });
                let body = match answer.strip_prefix("refused: ") {
                    Some(why) => {
                        json!({ "server": server, "error": { "code": 500, "description": why } })
                    }
                    None => json!({ "server": server, "data": { "code": 200, "message": answer } }),
                };
                let reply = request.reply.unwrap();
                nats.publish(reply, body.to_string().into()).await.unwrap();
            }
        });
        pushes
    }

    async fn log_in(&self, name: &str, server: &str) -> Result<(), NotMade> {
        log_in(&self.logins, &self.clock, name, server, LONG).await
    }

    fn names(&self) -> Vec<String> {
        let accounts = self.store.list_accounts().unwrap().into_iter();
        accounts
            .map(|account| account.unwrap().claims.name.unwrap())
            .collect()
    }

    fn signer(&self, name: &str) -> Option<(PublicKey, PublicKey)> {
        self.signers.0.lock().get(name).cloned()
    }

    fn metric(&self, name: &str, label: Option<&str>) -> SampleValue {
        let mut samples = self.logins.samples().into_iter();
        let has_label = |sample: &Sample| {
            label.is_none_or(|label| sample.labels.iter().any(|(_, value)| value == label))
        };
        let sample = samples.find(|sample| sample.name == name && has_label(sample));
        sample.unwrap().value
    }
}

fn logins(
    store: &Store,
    clock: &ManualClock,
    options: FirstLoginOptions,
    signers: &Arc<Signers>,
) -> Arc<FirstLogins> {
    let (clock, signers) = (Arc::new(clock.clone()), Arc::clone(signers));
    Arc::new(FirstLogins::new(store.clone(), clock, options, signers).unwrap())
}

async fn log_in(
    logins: &FirstLogins,
    clock: &ManualClock,
    name: &str,
    server: &str,
    time: Duration,
) -> Result<(), NotMade> {
    let name = name.parse().unwrap();
    logins
        .provide(&name, Some(server), clock.now() + time)
        .await
}

#[tokio::test]
async fn the_first_login_makes_the_account_and_the_next_one_finds_it() {
    let site = Site::new();
    let pushes = site.server("A", UPDATED).await;
    site.log_in("tenant", "A").await.unwrap();
    site.log_in("tenant", "A").await.unwrap();
    assert_eq!(pushes.load(Ordering::Relaxed), 1);
    let account = site.store.account("tenant").unwrap();
    let fields = &account.claims.nats;
    assert_eq!(fields.tags, [format!("{TAG}{NOW}")]);
    assert_eq!(fields.limits, FirstLoginOptions::default().limits);
    let (key, signer) = site.signer("tenant").unwrap();
    assert_eq!(key, account.account);
    assert!(fields.signing_keys.contains(signer.as_str()));
    for public in [&key, &signer] {
        assert!(site.store.keys().get(public).unwrap().is_some());
    }
    assert_eq!(
        site.metric("first_login_accounts_made", None),
        SampleValue::Counter(1)
    );
    assert_eq!(
        site.metric("first_login_accounts", None),
        SampleValue::Gauge(1.0)
    );
}

#[tokio::test]
async fn logins_at_once_make_one_account_and_push_it_once() {
    let site = Site::new();
    let pushes = site.server("A", UPDATED).await;
    let all = join_all((0..20).map(|_| site.log_in("tenant", "A"))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(site.names(), ["tenant"]);
    assert_eq!(pushes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn two_hosts_with_one_store_make_one_account() {
    let site = Site::new();
    site.server("A", UPDATED).await;
    let signers = Arc::new(Signers::default());
    let other = logins(
        &site.store,
        &site.clock,
        FirstLoginOptions::default(),
        &signers,
    );
    other.connected(site.nats.clone());
    let one = join_all((0..5).map(|_| site.log_in("tenant", "A")));
    let two = join_all((0..5).map(|_| log_in(&other, &site.clock, "tenant", "A", LONG)));
    let (one, two) = tokio::join!(one, two);
    assert!(one.iter().chain(&two).all(Result::is_ok), "{one:?} {two:?}");
    assert_eq!(site.names(), ["tenant"]);
    assert_eq!(
        signers.0.lock().get("tenant").cloned(),
        site.signer("tenant")
    );
}

#[tokio::test]
async fn caps_refuse_further_accounts_by_name() {
    let site = Site::with(FirstLoginOptions {
        max_accounts: 3,
        max_per_hour: 2,
        ..FirstLoginOptions::default()
    });
    site.server("A", UPDATED).await;
    site.log_in("a", "A").await.unwrap();
    site.log_in("b", "A").await.unwrap();
    let denied = site.log_in("c", "A").await.unwrap_err();
    assert!(matches!(denied, NotMade::TooFast(2)), "{denied}");
    site.log_in("a", "A").await.unwrap();
    site.clock.advance(Duration::from_hours(1));
    site.log_in("c", "A").await.unwrap();
    let denied = site.log_in("d", "A").await.unwrap_err();
    assert!(matches!(denied, NotMade::TooMany(3)), "{denied}");
    // The caps are those of the store, also for another process.
    let signers = Arc::new(Signers::default());
    let options = FirstLoginOptions {
        max_accounts: 3,
        ..FirstLoginOptions::default()
    };
    let other = logins(&site.store, &site.clock, options, &signers);
    other.connected(site.nats.clone());
    let denied = log_in(&other, &site.clock, "d", "A", LONG)
        .await
        .unwrap_err();
    assert!(matches!(denied, NotMade::TooMany(3)), "{denied}");
    let failures = site.metric("first_login_failures", Some("max-accounts"));
    assert_eq!(failures, SampleValue::Counter(1));
    // An operator makes room.
    let account = site.store.account("a").unwrap();
    site.store.delete_account(&account, true).unwrap();
    site.log_in("d", "A").await.unwrap();
}

#[tokio::test]
async fn an_account_of_the_operator_gets_no_users() {
    let site = Site::new();
    let pushes = site.server("A", UPDATED).await;
    let seed = site.store.keys().generate(KeyKind::Account).unwrap();
    let mut claims = AccountClaims::new(seed.public.as_str(), NOW);
    claims.name = Some("tenant".to_owned());
    site.store.put_account(claims, NOW).unwrap();
    let denied = site.log_in("tenant", "A").await.unwrap_err();
    assert!(matches!(denied, NotMade::Foreign), "{denied}");
    assert_eq!(
        (pushes.load(Ordering::Relaxed), site.signer("tenant")),
        (0, None)
    );
}

#[tokio::test]
async fn a_login_waits_for_its_own_server() {
    let site = Site::new();
    site.server("A", UPDATED).await;
    // `B` has not answered.
    let brief = Duration::from_millis(100);
    let denied = log_in(&site.logins, &site.clock, "tenant", "B", brief)
        .await
        .unwrap_err();
    assert_eq!(
        denied.to_string(),
        "no server has confirmed the account in time: `A`: jwt updated"
    );
    assert_eq!(site.names(), ["tenant"], "the account stays");
    let pushes = site.server("B", UPDATED).await;
    site.log_in("tenant", "B").await.unwrap();
    site.log_in("tenant", "B").await.unwrap();
    assert_eq!(pushes.load(Ordering::Relaxed), 1);
    assert_eq!(site.names(), ["tenant"]);
}

#[tokio::test]
async fn a_server_without_a_store_needs_another_that_has_one() {
    let site = Site::new();
    site.server("A", SKIPPED).await;
    let brief = Duration::from_millis(100);
    let denied = log_in(&site.logins, &site.clock, "tenant", "A", brief)
        .await
        .unwrap_err();
    assert!(matches!(denied, NotMade::NotConfirmed(_)), "{denied}");
    site.server("resolver", UPDATED).await;
    site.log_in("tenant", "A").await.unwrap();
}

#[tokio::test]
async fn a_refusal_of_the_server_ends_the_wait() {
    let site = Site::new();
    site.server("A", "refused: jwt validation failed").await;
    let denied = site.log_in("tenant", "A").await.unwrap_err();
    assert_eq!(
        denied.to_string(),
        "server `A` refuses the account: jwt validation failed"
    );
}

#[tokio::test]
async fn no_account_is_made_without_servers() {
    let site = Site::new();
    let signers = Arc::new(Signers::default());
    let options = FirstLoginOptions::default();
    let unconnected = logins(&site.store, &site.clock, options, &signers);
    let denied = log_in(&unconnected, &site.clock, "tenant", "A", LONG).await;
    assert!(matches!(denied, Err(NotMade::NotConnected)), "{denied:?}");
    assert_eq!(site.names(), [""; 0]);
}

#[tokio::test]
async fn an_operators_changes_reach_the_servers_and_a_deletion_ends_the_logins() {
    let site = Site::new();
    let pushes = site.server("A", UPDATED).await;
    site.log_in("tenant", "A").await.unwrap();
    let mut account = site.store.account("tenant").unwrap();
    account.claims.nats.limits.connections = 7;
    site.store.put_account(account.claims.clone(), NOW).unwrap();
    site.clock.advance(FRESH);
    site.log_in("tenant", "A").await.unwrap();
    site.log_in("tenant", "A").await.unwrap();
    assert_eq!(pushes.load(Ordering::Relaxed), 2);
    // Without the tag, the account is the operator's own.
    let mut account = site.store.account("tenant").unwrap();
    account.claims.nats.tags.clear();
    site.store.put_account(account.claims.clone(), NOW).unwrap();
    site.clock.advance(FRESH);
    let denied = site.log_in("tenant", "A").await.unwrap_err();
    assert!(matches!(denied, NotMade::Foreign), "{denied}");
    assert_eq!(site.signer("tenant"), None);
}

#[tokio::test]
async fn a_damaged_account_lets_the_others_in_and_no_new_ones() {
    let site = Site::new();
    site.server("A", UPDATED).await;
    site.log_in("tenant", "A").await.unwrap();
    let stranger = Seed::generate(KeyKind::Account).unwrap().public;
    let path = format!("/store/accounts/{stranger}.jwt");
    site.disk.put(path, b"{");
    let signers = Arc::new(Signers::default());
    let options = FirstLoginOptions::default();
    let other = logins(&site.store, &site.clock, options, &signers);
    other.connected(site.nats.clone());
    log_in(&other, &site.clock, "tenant", "A", LONG)
        .await
        .unwrap();
    let denied = log_in(&other, &site.clock, "new", "A", LONG)
        .await
        .unwrap_err();
    assert!(
        matches!(denied, NotMade::Store(StoreError::Damaged { .. })),
        "{denied}"
    );
}
