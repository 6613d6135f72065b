//! Account JWTs.

use portcullis_core::AccountName;

use super::{client, expecting, serve};
use crate::{ReplyError, SystemError};

const ACCOUNT: &str = "ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA";

fn account() -> AccountName {
    ACCOUNT.parse().unwrap()
}

#[tokio::test]
async fn each_server_says_whether_it_has_updated_an_account() {
    let (nats, system) = client();
    for subject in [
        "$SYS.REQ.CLAIMS.UPDATE",
        "$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE",
        "$SYS.REQ.CLAIMS.DELETE",
    ] {
        serve(&nats, subject, |body| {
            assert_eq!(body, "a.b.c");
            vec![
                r#"{"server":{"name":"a"},"data":{"account":"A1","code":200,"message":"jwt updated"}}"#,
                r#"{"server":{"name":"b"},"error":{"account":"A1","code":500,"description":"jwt update resulted in error - no"}}"#,
            ]
        })
        .await;
    }
    for gathered in [
        system.update_claims("a.b.c", expecting(2)).await,
        system
            .update_account(&account(), "a.b.c", expecting(2))
            .await,
        system.delete_claims("a.b.c", expecting(2)).await,
    ] {
        let mut replies = gathered.unwrap().replies.into_iter();
        let updated = replies.next().unwrap().result.unwrap();
        assert_eq!(
            (
                updated.account.as_str(),
                updated.code,
                updated.message.as_str()
            ),
            ("A1", 200, "jwt updated")
        );
        let refused = replies.next().unwrap().result;
        let Err(ReplyError::Refused(refusal)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(refusal.code, 500);
        assert_eq!(refusal.account.as_deref(), Some("A1"));
        assert_eq!(refusal.description, "jwt update resulted in error - no");
    }
}

#[tokio::test]
async fn servers_load_an_account_whose_connections_they_are_asked_for() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.SERVER.PING.CONNZ", |body| {
        assert!(body.contains(&format!(r#""acc":"{ACCOUNT}""#)), "{body}");
        assert!(body.contains(r#""limit":1"#), "{body}");
        vec![r#"{"server":{"name":"a"},"data":{"connections":[]}}"#]
    })
    .await;
    system.load_account(&account(), expecting(1)).await.unwrap();
}

#[tokio::test]
async fn a_look_up_takes_the_first_jwt() {
    let subject = format!("$SYS.REQ.ACCOUNT.{ACCOUNT}.CLAIMS.LOOKUP");
    for (answers, found) in [
        (vec!["", "a.b.c", "d.e.f"], Some("a.b.c")),
        (vec!["", "", ""], None),
    ] {
        let (nats, system) = client();
        serve(&nats, &subject, move |_| answers.clone()).await;
        let jwt = system.look_up_claims(&account(), expecting(3)).await;
        assert_eq!(jwt.unwrap().as_deref(), found);
    }
    let (_, system) = client();
    let error = system.look_up_claims(&account(), expecting(1)).await;
    assert!(matches!(error, Err(SystemError::NoResponders { .. })));
}

#[tokio::test]
async fn a_look_up_of_all_takes_every_jwt() {
    let subject = format!("$SYS.REQ.ACCOUNT.{ACCOUNT}.CLAIMS.LOOKUP");
    let (nats, system) = client();
    serve(&nats, &subject, |_| vec!["a.b.c", "", "d.e.f"]).await;
    let jwts = system.look_up_all_claims(&account(), expecting(3)).await;
    assert_eq!(jwts.unwrap(), ["a.b.c", "d.e.f"]);
}

#[tokio::test]
async fn accounts_are_listed_by_server() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.CLAIMS.LIST", |_| {
        vec![r#"{"server":{"name":"a"},"data":["A1","A2"]}"#]
    })
    .await;
    let reply = system.list_claims(expecting(1)).await;
    let reply = reply.unwrap().replies.remove(0);
    assert_eq!(reply.server.name, "a");
    assert_eq!(reply.result.unwrap(), ["A1", "A2"]);
}

#[tokio::test]
async fn a_pack_ends_with_an_empty_message() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.CLAIMS.PACK", |known| match known {
        "" => vec!["A1|a.b.c", "A2|d.e.f\nA3|g.h.i", "", "A4|late"],
        _ => vec![""],
    })
    .await;
    // The number of messages is not the number of servers.
    let pack = system.pack_claims(b"", expecting(1)).await.unwrap();
    assert!(pack.complete);
    let accounts: Vec<_> = pack.jwts.keys().map(String::as_str).collect();
    assert_eq!(accounts, ["A1", "A2", "A3"]);
    assert_eq!(pack.jwts["A3"], "g.h.i");
    assert!(!format!("{pack:?}").contains("a.b.c"));
    let same = system.pack_claims(b"hash", expecting(1)).await.unwrap();
    assert!(same.complete && same.jwts.is_empty());
}

#[tokio::test]
async fn a_pack_takes_a_bounded_memory() {
    const MESSAGES: usize = 40;
    const LINES: usize = 50_000;
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.CLAIMS.PACK", |_| {
        let message = |index| {
            let lines = (0..LINES).map(|line| format!("A{index}-{line}|x"));
            lines.collect::<Vec<_>>().join("\n")
        };
        let messages = (0..MESSAGES).map(message);
        messages.chain([String::new()]).collect()
    })
    .await;
    let pack = system.pack_claims(b"", expecting(1)).await.unwrap();
    assert!(!pack.complete);
    let accounts = pack.jwts.len();
    assert!(
        (MESSAGES * LINES / 2..MESSAGES * LINES * 3 / 4).contains(&accounts),
        "{accounts}"
    );
}

#[tokio::test]
async fn a_pack_without_end_is_not_complete() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.CLAIMS.PACK", |_| vec!["A1|a.b.c"]).await;
    let quiet = std::time::Duration::from_millis(20);
    let gathering = crate::Gathering::until_quiet(quiet, super::LONG);
    let pack = system.pack_claims(b"", gathering).await.unwrap();
    assert!(!pack.complete);
    assert_eq!(pack.jwts.len(), 1);
}
