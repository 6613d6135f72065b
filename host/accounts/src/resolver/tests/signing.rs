//! Accounts that signed themselves, and the service that decides about them.

use std::time::Duration;

use futures::StreamExt as _;
use portcullis_connect::{MemoryNats, Nats as _};
use portcullis_system::ServerInfo;

use super::*;
use crate::resolver::Answer as Decided;

/// A signing service that gives an answer once, and is late afterwards.
#[derive(Debug)]
struct Fixed(Mutex<Result<Decided, SigningFailed>>);

impl SigningService for Fixed {
    fn decide<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Decided, SigningFailed>> {
        let late = Err(SigningFailed::Late("sign".to_owned()));
        let answer = std::mem::replace(&mut *self.0.lock(), late);
        async move { answer }.boxed()
    }
}

/// Returns a resolver with a service that gives this answer once.
fn site(answer: Decided) -> Site {
    let site = Site::new();
    let service = Fixed(Mutex::new(Ok(answer)));
    site.resolver.sign_with(Arc::new(service));
    site
}

/// Puts an account of a known seed in the place of the account of `site`.
fn own(site: &mut Site) -> SigningKey {
    let seed = site.store.keys().generate(KeyKind::Account).unwrap();
    site.account = seed.public.clone();
    seed.signer().unwrap()
}

fn request(site: &Site, signer: &SigningKey, issued_at: u64) -> String {
    let mut claims = AccountClaims::new(site.account.as_str(), issued_at);
    claims.name = Some("NEW".to_owned());
    claims.sign(signer).unwrap()
}

#[tokio::test]
async fn a_text_of_the_service_is_the_answer_and_nothing_is_stored() {
    let text = "a person looks at it".to_owned();
    let mut site = site(Decided::Text(text));
    let signer = own(&mut site);
    let answer = site.post(request(&site, &signer, NOW)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.text, "a person looks at it\n");
    assert!(site.store.accounts().get(&site.account).unwrap().is_none());
    // The service of this test answers once.
    let answer = site.post(request(&site, &signer, NOW)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text.contains("did not answer in time"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn without_a_service_such_accounts_are_refused() {
    let mut site = Site::new();
    let signer = own(&mut site);
    let answer = site.post(request(&site, &signer, NOW)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.text.contains("signing service not enabled"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_service_over_nats_signs_the_account() {
    let nats = MemoryNats::default();
    let servers = Arc::new(Servers::new());
    let subject = "accounts.sign".to_owned();
    let patience = Duration::from_mins(1);
    let service = SigningSubject::new(Arc::clone(&servers), subject.clone(), patience);
    let mut site = Site::new();
    site.resolver.sign_with(Arc::new(service));
    let signer = own(&mut site);
    let post = async |issued_at| site.post(request(&site, &signer, issued_at)).await;
    assert!(post(NOW).await.text.contains("not connected"));
    let (running, resolver, own) = (Arc::clone(&servers), site.resolver.clone(), nats.clone());
    tokio::spawn(async move { running.answer(resolver, own, ServerInfo::default()).await });
    while servers.nats().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(
        post(NOW)
            .await
            .text
            .contains("no service listens on `accounts.sign`")
    );

    let operator = site.store.operator_seed().unwrap().signer().unwrap();
    let mut requests = nats.subscribe(subject.into()).await.unwrap();
    let answering = nats.clone();
    tokio::spawn(async move {
        while let Some(message) = requests.next().await {
            let token = str::from_utf8(&message.payload).unwrap();
            let mut claims = AccountJwt::decode(token).unwrap().claims;
            claims.nats.limits.connections = 5;
            claims.issued_at = Some(claims.issued_at.unwrap() + 10);
            let token = claims.sign(&operator).unwrap();
            answering
                .publish(message.reply.unwrap(), token.into())
                .await
                .unwrap();
        }
    });
    let answer = post(NOW).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (StatusCode::OK, "stored\n")
    );
    assert_eq!(site.stored().claims.nats.limits.connections, 5);
    // A replay would undo what has changed since.
    assert_eq!(post(NOW).await.status, StatusCode::CONFLICT);
    assert_eq!(post(NOW + 20).await.status, StatusCode::OK);
    // A request from before its deletion does not bring the account back.
    assert!(site.store.accounts().delete(&site.account).unwrap());
    assert_eq!(post(NOW + 20).await.status, StatusCode::CONFLICT);
    assert_eq!(post(NOW + 31).await.status, StatusCode::OK);
    // Another key cannot ask for the account.
    let stranger = Seed::generate(KeyKind::Account).unwrap().signer().unwrap();
    let answer = site.post(request(&site, &stranger, NOW + 50)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text.contains("with its own key"), "{}", answer.text);
}

#[tokio::test]
async fn what_the_operator_did_not_sign_is_not_stored() {
    let mut forged = site(Decided::Signed("eyJ".to_owned()));
    let signer = own(&mut forged);
    let answer = forged.post(request(&forged, &signer, NOW)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.text.contains("not usable"), "{}", answer.text);
    assert!(
        forged
            .store
            .accounts()
            .get(&forged.account)
            .unwrap()
            .is_none()
    );
}
