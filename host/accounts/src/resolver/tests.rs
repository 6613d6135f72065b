//! The routes of the resolver, one request after the other.

mod activations;
mod announcements;
mod limits;
mod metrics;
mod others;
mod over_nats;
mod own_account;
mod reads;
mod signing;
mod writes;

use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use portcullis_claims::{AccountClaims, OperatorClaims, SigningKey};
use portcullis_core::{KeyKind, PublicKey, Secret};
use portcullis_environment::ManualClock;
use portcullis_files::MemoryDisk;
use portcullis_http::Refreshed;

use super::*;
use crate::account_jwts::AccountJwt;
use crate::keys::Seed;

const NOW: u64 = 1_795_300_862;
/// A long time, which a test waits only if it fails.
const LONG: Duration = Duration::from_mins(1);
const TOKEN: &str = "a-bearer-token-of-some-length";

/// A resolver of an operator with one account, which is in the store.
struct Site {
    store: Store,
    disk: MemoryDisk,
    clock: ManualClock,
    operator: SigningKey,
    account: PublicKey,
    resolver: Resolver,
}

/// An answer of the resolver.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

/// Servers that take what they are told.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Site {
    fn new() -> Self {
        Self::with(ResolverOptions::default(), None)
    }

    fn with(options: ResolverOptions, announcer: Option<Arc<dyn Announcer>>) -> Self {
        let disk = MemoryDisk::default();
        let store = Store::at(Arc::new(disk.clone()), Path::new("/store"));
        let seed = Seed::generate(KeyKind::Operator).unwrap();
        let mut claims = OperatorClaims::new(seed.public.as_str(), NOW);
        claims.name = Some("op".to_owned());
        store.create(claims, &seed, NOW).unwrap();
        let clock = ManualClock::new(NOW);
        let account = Seed::generate(KeyKind::Account).unwrap().public;
        let site = Self {
            resolver: Resolver::new(store.clone(), Arc::new(clock.clone()), options, announcer),
            operator: seed.signer().unwrap(),
            store,
            disk,
            clock,
            account,
        };
        site.store.accounts().put(&site.sign(NOW, |_| {})).unwrap();
        site
    }

    /// Returns a version of the account that the operator signed.
    fn sign(&self, issued_at: u64, edit: impl FnOnce(&mut AccountClaims)) -> String {
        let mut claims = AccountClaims::new(self.account.as_str(), issued_at);
        claims.name = Some("APP".to_owned());
        edit(&mut claims);
        claims.sign(&self.operator).unwrap()
    }

    fn stored(&self) -> AccountJwt {
        self.store.accounts().get(&self.account).unwrap().unwrap()
    }

    fn path(&self) -> String {
        format!("/jwt/v1/accounts/{}", self.account)
    }

    async fn call(&self, request: Request<Body>) -> Answer {
        let service = TowerToHyperService::new(self.resolver.router());
        let response = service.call(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(body.into()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    async fn get_account(&self, query: &str) -> Answer {
        self.get(&format!("{}{query}", self.path())).await
    }

    async fn post(&self, token: impl Into<Body>) -> Answer {
        let request = Request::post(self.path()).body(token.into()).unwrap();
        self.call(request).await
    }

    async fn with_bearer(&self, method: Method, path: &str, bearer: &str, body: String) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", bearer);
        self.call(request.body(body.into()).unwrap()).await
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Told {
    /// Waits until the servers were told of a version, and returns all that they were told of.
    async fn versions(&self) -> Vec<String> {
        let told = async {
            while self.0.lock().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, told).await.unwrap();
        self.0.lock().clone()
    }
}

impl Announcer for Told {
    fn announce<'a>(
        &'a self,
        jwt: &'a AccountJwt,
    ) -> BoxFuture<'a, Result<Announcement, AnnounceError>> {
        self.0.lock().push(jwt.token.clone());
        let answers = vec![("n1".to_owned(), "jwt updated".to_owned())];
        async move { Ok(Announcement { answers }) }.boxed()
    }
}

fn with_bearer_token() -> ResolverOptions {
    ResolverOptions {
        bearer: Some(Arc::new(Refreshed::fixed(Secret::new(TOKEN)))),
        ..ResolverOptions::default()
    }
}
