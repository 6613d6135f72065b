//! Requests over NATS, as tools and servers send them.

use std::time::Duration;

use portcullis_claims::GenericClaims;
use portcullis_connect::{MemoryNats, Nats as _};
use portcullis_core::AccountName;
use portcullis_system::{ClaimStatus, Gathered, Gathering, ReplyError, ServerInfo, SystemClient};
use serde_json::json;

use super::*;

/// Runs the resolver of `site` over a server in memory, whose client it returns.
async fn serve(site: &Site) -> SystemClient<MemoryNats> {
    let nats = MemoryNats::default();
    let (resolver, connection) = (site.resolver.clone(), nats.clone());
    tokio::spawn(async move {
        let server = ServerInfo {
            name: "resolver".to_owned(),
            ..ServerInfo::default()
        };
        Servers::new().answer(resolver, connection, server).await
    });
    let client = SystemClient::new(nats.clone());
    // The last subscription is that for packs.
    let ready = async {
        while nats
            .request("$SYS.REQ.CLAIMS.PACK".into(), LONG)
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, ready).await.unwrap();
    client
}

fn one() -> Gathering {
    Gathering::expecting(std::num::NonZeroUsize::MIN, LONG)
}

fn name(account: &PublicKey) -> AccountName {
    account.as_str().parse().unwrap()
}

/// Returns the description of the only answer, which refuses the request.
fn refusal(gathered: Gathered<ClaimStatus>) -> String {
    match gathered.replies.into_iter().next().unwrap().result {
        Err(ReplyError::Refused(refusal)) => refusal.description,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn accounts_are_looked_up_listed_and_packed() {
    let site = Site::new();
    let system = serve(&site).await;
    let token = site.stored().token;
    let found = system.look_up_claims(&name(&site.account), one()).await;
    assert_eq!(found.unwrap().as_deref(), Some(token.as_str()));
    let listed = system.list_claims(one()).await.unwrap();
    let reply = &listed.replies[0];
    assert_eq!(reply.server.name, "resolver");
    // A Go program that reads an answer without a time fails.
    assert_eq!(reply.server.time, "2026-11-21T22:41:02.000000000Z");
    assert_eq!(reply.server.sequence, 1);
    assert_eq!(reply.result.as_ref().unwrap(), &[site.account.to_string()]);
    let pack = system.pack_claims(b"", one()).await.unwrap();
    assert!(pack.complete);
    assert_eq!(pack.jwts.get(site.account.as_str()), Some(&token));
    let same = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let same = system.pack_claims(same.as_ref(), one()).await.unwrap();
    assert!(same.complete);
    assert!(same.jwts.is_empty());
}

#[tokio::test]
async fn an_unknown_account_is_not_answered() {
    let site = Site::new();
    let system = serve(&site).await;
    let other = Seed::generate(KeyKind::Account).unwrap().public;
    let brief = Gathering::until_quiet(Duration::ZERO, Duration::from_millis(50));
    let found = system.look_up_claims(&name(&other), brief).await;
    assert_eq!(found.unwrap(), None);
}

#[tokio::test]
async fn an_update_that_names_no_account_is_refused_and_not_left_unanswered() {
    let site = Site::new();
    let system = serve(&site).await;
    let bogus: AccountName = "bogus".parse().unwrap();
    let token = site.sign(NOW + 1, |_| {});
    let refused = system.update_account(&bogus, &token, one()).await.unwrap();
    assert!(refusal(refused).contains("names no account"));
    assert_ne!(site.stored().token, token);
}

#[tokio::test]
async fn only_later_versions_of_the_operator_are_stored() {
    let site = Site::new();
    let system = serve(&site).await;
    let first = site.stored().token;
    let later = site.sign(NOW + 1, |_| {});
    let updated = system.update_claims(&later, one()).await.unwrap();
    let status = updated.replies.into_iter().next().unwrap().result.unwrap();
    assert_eq!((status.code, status.message.as_str()), (200, "jwt updated"));
    assert_eq!(status.account, site.account.as_str());
    assert_eq!(site.stored().token, later);
    let replay = system.update_claims(&first, one()).await.unwrap();
    assert!(refusal(replay).contains("a later version"));
    let account = name(&site.account);
    let stranger = Seed::generate(KeyKind::Operator).unwrap().signer().unwrap();
    let claims = AccountClaims::new(site.account.as_str(), NOW + 2);
    let forged = claims.sign(&stranger).unwrap();
    let forged = system
        .update_account(&account, &forged, one())
        .await
        .unwrap();
    assert!(refusal(forged).contains("untrusted issuer"));
    let other = Seed::generate(KeyKind::Account).unwrap().public;
    let token = site.sign(NOW + 2, |_| {});
    let mismatch = system.update_account(&name(&other), &token, one()).await;
    assert!(refusal(mismatch.unwrap()).contains("pub keys don't match"));
    assert_eq!(site.stored().token, later);
}

#[tokio::test]
async fn an_update_of_a_tool_is_announced_to_servers_once() {
    let told = Arc::new(Told::default());
    let site = Site::with(ResolverOptions::default(), Some(told.clone()));
    let system = serve(&site).await;
    let later = site.sign(NOW + 1, |_| {});
    for _ in 0..2 {
        system.update_claims(&later, one()).await.unwrap();
    }
    let account = name(&site.account);
    let last = site.sign(NOW + 2, |_| {});
    system.update_account(&account, &last, one()).await.unwrap();
    // The resolver announces after its answer, so that the last answer may come before.
    assert_eq!(told.versions().await, [later]);
}

#[tokio::test]
async fn accounts_are_deleted_if_the_operator_signed_the_request() {
    let options = ResolverOptions {
        allow_delete: true,
        ..ResolverOptions::default()
    };
    let site = Site::with(options, None);
    let system = serve(&site).await;
    let request = |signer: &SigningKey, accounts: serde_json::Value| {
        let data = json!({ "accounts": accounts });
        let data = data.as_object().unwrap().clone();
        GenericClaims::new(signer.public_key(), data, NOW)
            .sign(signer)
            .unwrap()
    };
    let stranger = Seed::generate(KeyKind::Operator).unwrap().signer().unwrap();
    let accounts = json!([site.account.as_str()]);
    for (token, problem) in [
        (request(&stranger, accounts.clone()), "not trusted"),
        (request(&site.operator, json!(["A"])), "malformed request"),
        ("x".to_owned(), "malformed request"),
    ] {
        let refused = system.delete_claims(&token, one()).await.unwrap();
        assert!(refusal(refused).contains(problem), "{problem}");
    }
    assert!(site.store.accounts().get(&site.account).unwrap().is_some());
    let token = request(&site.operator, accounts.clone());
    let deleted = system.delete_claims(&token, one()).await.unwrap();
    let status = deleted.replies.into_iter().next().unwrap().result.unwrap();
    assert_eq!(status.message, "deleted 1 accounts");
    assert!(site.store.accounts().get(&site.account).unwrap().is_none());

    let without = Site::new();
    let system = serve(&without).await;
    let token = request(&without.operator, json!([without.account.as_str()]));
    let refused = system.delete_claims(&token, one()).await.unwrap();
    assert!(refusal(refused).contains("delete must be enabled"));
}

#[tokio::test]
async fn a_replay_of_a_deletion_deletes_no_account_that_was_signed_later() {
    let options = ResolverOptions {
        allow_delete: true,
        ..ResolverOptions::default()
    };
    let site = Site::with(options, None);
    let system = serve(&site).await;
    let request = |issued_at: u64, expires_at: Option<u64>| {
        let data = json!({ "accounts": [site.account.as_str()] });
        let data = data.as_object().unwrap().clone();
        let key = site.operator.public_key();
        let mut claims = GenericClaims::new(key, data, issued_at);
        claims.expires_at = expires_at;
        claims.sign(&site.operator).unwrap()
    };
    let given_to_servers = site.sign(NOW + 4, |_| {});
    let deletion = request(NOW + 5, None);
    site.clock.advance(Duration::from_secs(10));
    let deleted = system.delete_claims(&deletion, one()).await.unwrap();
    assert!(deleted.replies.into_iter().next().unwrap().result.is_ok());
    // The operator had signed this version before, and the resolver never had it.
    let replayed = site.post(given_to_servers).await;
    assert_eq!(replayed.status, StatusCode::CONFLICT, "{}", replayed.text);
    let again = site.sign(NOW + 6, |_| {});
    assert_eq!(site.post(again.clone()).await.status, StatusCode::OK);
    for (token, problem) in [
        (deletion, "after the request to delete it"),
        (request(NOW + 6, Some(NOW + 9)), "has expired"),
    ] {
        let refused = system.delete_claims(&token, one()).await.unwrap();
        assert!(refusal(refused).contains(problem), "{problem}");
    }
    assert_eq!(site.stored().token, again);
    // A request from the future counts, and keeps no later version out.
    let ahead = request(NOW + 10_000, Some(NOW + 10));
    let deleted = system.delete_claims(&ahead, one()).await.unwrap();
    assert!(deleted.replies.into_iter().next().unwrap().result.is_ok());
    let later = site.sign(NOW + 11, |_| {});
    assert_eq!(site.post(later).await.status, StatusCode::OK);
}

#[tokio::test]
async fn answers_of_servers_are_reported() {
    let site = Site::new();
    let nats = MemoryNats::default();
    let servers = Arc::new(Servers::new());
    let jwt = site.stored();
    let early = servers.announce(&jwt).await.unwrap_err();
    let early = portcullis_core::with_causes(&early);
    assert!(early.contains("not connected to a server yet"), "{early}");
    let (running, resolver, own) = (servers.clone(), site.resolver.clone(), nats.clone());
    tokio::spawn(async move { running.answer(resolver, own, ServerInfo::default()).await });
    // A server in memory echoes, so the resolver answers itself.
    let announced = async {
        loop {
            if let Ok(announcement) = servers.announce(&jwt).await {
                return announcement;
            }
            tokio::task::yield_now().await;
        }
    };
    let announcement = tokio::time::timeout(LONG, announced).await.unwrap();
    assert_eq!(announcement.summary(), "``: jwt updated");
}
