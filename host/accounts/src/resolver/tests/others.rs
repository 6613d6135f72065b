//! Versions of other resolvers, over a server in memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use portcullis_connect::{MemoryNats, Nats as _};
use portcullis_core::SampleValue;
use portcullis_system::{ServerInfo, SystemClient};

use super::*;
use crate::resolver::others::RefusedVersions;

/// Returns a store of the operator of `site` without accounts.
fn store_beside(site: &Site) -> Store {
    let store = Store::at(Arc::new(MemoryDisk::default()), Path::new("/store"));
    let (_, token) = site.store.operator().unwrap();
    store.import_operator(&token).unwrap();
    store
}

/// Runs a resolver of `store` over `nats`.
async fn serve(site: &Site, store: &Store, nats: &MemoryNats) {
    let clock = Arc::new(site.clock.clone());
    let options = ResolverOptions {
        sync_interval: Duration::from_millis(2),
        ..ResolverOptions::default()
    };
    let resolver = Resolver::new(store.clone(), clock, options, None);
    let connection = nats.clone();
    tokio::spawn(async move {
        let servers = Servers::new();
        let answered = servers.answer(resolver, connection, ServerInfo::default());
        answered.await
    });
    let subject = "$SYS.REQ.CLAIMS.PACK";
    let ready = async {
        while nats.request(subject.into(), LONG).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, ready).await.unwrap();
}

fn sign(site: &Site, account: &PublicKey, issued_at: u64) -> String {
    let mut claims = AccountClaims::new(account.as_str(), issued_at);
    claims.name = Some("OTHER".to_owned());
    claims.sign(&site.operator).unwrap()
}

fn new_account() -> PublicKey {
    Seed::generate(KeyKind::Account).unwrap().public
}

/// Returns the number of writes with each outcome that has one.
fn writes(resolver: &Resolver) -> Vec<(String, u64)> {
    let samples = resolver.shared.counters.samples().into_iter();
    let writes = samples.filter(|sample| sample.name == "resolver_writes");
    let counts = writes.filter_map(|sample| match sample.value {
        SampleValue::Counter(0) => None,
        SampleValue::Counter(count) => Some((sample.labels[0].1.clone(), count)),
        _ => None,
    });
    counts.collect()
}

#[tokio::test]
async fn later_versions_of_another_resolver_are_fetched_and_no_others() {
    let told = Arc::new(Told::default());
    let site = Site::with(ResolverOptions::default(), Some(told.clone()));
    let [added, deleted, forged, newer_here, differing] = [(); 5].map(|()| new_account());
    let there = store_beside(&site);
    let later = site.sign(NOW + 1, |_| {});
    let stranger = Seed::generate(KeyKind::Operator).unwrap().signer().unwrap();
    let forgery = AccountClaims::new(forged.as_str(), NOW)
        .sign(&stranger)
        .unwrap();
    for token in [
        later.clone(),
        sign(&site, &added, NOW),
        sign(&site, &deleted, NOW),
        sign(&site, &newer_here, NOW),
        sign(&site, &differing, NOW),
        forgery,
    ] {
        there.accounts().put(&token).unwrap();
    }
    let here = site.store.accounts();
    here.put(&sign(&site, &deleted, NOW)).unwrap();
    here.delete(&deleted).unwrap();
    let newer = sign(&site, &newer_here, NOW + 1);
    here.put(&newer).unwrap();
    let other = AccountClaims::new(differing.as_str(), NOW);
    here.put(&other.sign(&site.operator).unwrap()).unwrap();

    let nats = MemoryNats::default();
    serve(&site, &there, &nats).await;
    let system = SystemClient::new(nats.clone());
    let shared = &site.resolver.shared;
    let mut refused = RefusedVersions::default();
    shared.fetch_missed(&system, &mut refused).await.unwrap();

    assert_eq!(site.stored().token, later);
    assert!(here.get(&added).unwrap().is_some());
    assert!(here.get(&deleted).unwrap().is_none());
    assert!(here.get(&forged).unwrap().is_none());
    assert_eq!(here.get(&newer_here).unwrap().unwrap().token, newer);
    // A version that is older, or of a deleted account, is no reason for a log line.
    assert_eq!(
        refused.0.len(),
        2,
        "the forged one, and another version of the same second"
    );
    let counted = [("added".to_owned(), 1), ("replaced".to_owned(), 1)];
    assert_eq!(writes(&site.resolver), counted);

    // Servers may use the version that was replaced, and have never had the account that was added.
    let resolver = site.resolver.clone();
    tokio::spawn(async move { resolver.maintain().await });
    assert_eq!(told.versions().await, [later]);
}

#[tokio::test]
async fn a_resolver_fetches_again_after_its_interval() {
    let site = Site::new();
    let nats = MemoryNats::default();
    let there = store_beside(&site);
    serve(&site, &site.store, &nats).await;
    serve(&site, &there, &nats).await;
    for issued_at in [NOW, NOW + 1] {
        let token = site.sign(issued_at, |_| {});
        site.store.accounts().put(&token).unwrap();
        let fetched = async {
            loop {
                let stored = there.accounts().get(&site.account).unwrap();
                if stored.is_some_and(|stored| stored.token == token) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, fetched).await.unwrap();
    }
}

#[tokio::test]
async fn a_lookup_over_http_asks_other_resolvers() {
    let site = Site::new();
    let nats = MemoryNats::default();
    let there = store_beside(&site);
    let [wanted, deleted] = [(); 2].map(|()| new_account());
    for account in [&wanted, &deleted] {
        there.accounts().put(&sign(&site, account, NOW)).unwrap();
    }
    let here = site.store.accounts();
    here.put(&sign(&site, &deleted, NOW)).unwrap();
    here.delete(&deleted).unwrap();
    // The first answer is of no use.
    let mut asked = nats
        .subscribe("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP".into())
        .await
        .unwrap();
    let answering = nats.clone();
    tokio::spawn(async move {
        while let Some(request) = asked.next().await {
            let reply = request.reply.unwrap();
            answering.publish(reply, "garbage".into()).await.unwrap();
        }
    });
    serve(&site, &there, &nats).await;

    let path = |account: &PublicKey| format!("/jwt/v1/accounts/{account}");
    let before = site.get(&path(&wanted)).await;
    assert_eq!(before.status, StatusCode::NOT_FOUND);
    let servers = Arc::new(Servers::new());
    site.resolver.ask(servers.clone());
    let unconnected = site.get(&path(&wanted)).await;
    assert_eq!(unconnected.status, StatusCode::NOT_FOUND);

    // Only its client is used: the resolver of the site does not answer here.
    servers.connect(&nats);
    let found = site.get(&path(&wanted)).await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text);
    assert_eq!(here.get(&wanted).unwrap().unwrap().token, found.text);
    let refused = site.get(&path(&deleted)).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", refused.text);
    let unknown = site.get(&path(&new_account())).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{}", unknown.text);
}

/// Resolvers that never answer.
#[derive(Debug, Default)]
struct Silent {
    asked: AtomicUsize,
}

impl OtherResolvers for Silent {
    fn look_up<'a>(&'a self, _: &'a PublicKey) -> BoxFuture<'a, Vec<String>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        std::future::pending().boxed()
    }
}

#[tokio::test]
async fn one_client_does_not_take_the_places_of_others() {
    let site = Site::new();
    let silent = Arc::new(Silent::default());
    site.resolver.ask(silent.clone());
    let ask = async |address: [u8; 4]| {
        let shared = Arc::clone(&site.resolver.shared);
        let asking = tokio::spawn(async move {
            let found = shared.look_up_anywhere(new_account(), Some(address.into()));
            found.await.unwrap().unwrap()
        });
        let before = silent.asked.load(Ordering::SeqCst);
        let answered = async {
            while silent.asked.load(Ordering::SeqCst) == before && !asking.is_finished() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, answered).await.unwrap();
        !asking.is_finished()
    };
    for _ in 0..4 {
        assert!(ask([192, 0, 2, 1]).await);
    }
    assert!(
        !ask([192, 0, 2, 1]).await,
        "a fifth lookup is answered at once"
    );
    assert!(ask([192, 0, 2, 2]).await);
}

#[tokio::test]
async fn the_hash_of_a_pack_follows_every_change() {
    let site = Site::new();
    let shared = &site.resolver.shared;
    let first = shared.pack_hash().unwrap();
    assert_eq!(shared.pack_hash().unwrap(), first);
    let other = new_account();
    site.store
        .accounts()
        .put(&sign(&site, &other, NOW))
        .unwrap();
    let both = shared.pack_hash().unwrap();
    assert_ne!(both, first);
    site.store.accounts().delete(&other).unwrap();
    assert_eq!(shared.pack_hash().unwrap(), first);
    site.store
        .accounts()
        .put(&site.sign(NOW + 1, |_| {}))
        .unwrap();
    assert_ne!(shared.pack_hash().unwrap(), first);
}
