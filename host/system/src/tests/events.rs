//! Events.

use futures::{FutureExt as _, StreamExt as _};
use portcullis_connect::Nats as _;
use portcullis_core::AccountName;
use serde_json::{Value, json};

use super::client;
use crate::{EventFilter, EventKind, SystemError, SystemEvent};

const JWT: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJ9.c2ln";

fn connect(cid: u64) -> String {
    let client = json!({
        "id": cid, "acc": "APP", "user": "alice", "jwt": JWT, "rtt": 1_500_000, "new": true,
    });
    json!({
        "type": "io.nats.server.advisory.v1.client_connect", "id": "E1",
        "timestamp": "2026-01-01T00:00:00Z", "server": { "name": "a" }, "client": client,
        "reason": "Kicked", "later": 7,
    })
    .to_string()
}

/// The subjects of all events, with a name of the kind.
const SUBJECTS: [(&str, EventKind); 8] = [
    ("$SYS.ACCOUNT.APP.CONNECT", EventKind::Connect),
    ("$SYS.ACCOUNT.APP.DISCONNECT", EventKind::Disconnect),
    ("$SYS.SERVER.NA.CLIENT.AUTH.ERR", EventKind::AuthError),
    ("$SYS.ACCOUNT.CLIENT.AUTH.ERR", EventKind::AccountAuthError),
    (
        "$SYS.ACCOUNT.APP.SERVER.CONNS",
        EventKind::AccountConnections,
    ),
    ("$SYS.SERVER.NA.STATSZ", EventKind::Statsz),
    ("$SYS.SERVER.NA.LAMEDUCK", EventKind::LameDuck),
    ("$SYS.SERVER.NA.SHUTDOWN", EventKind::Shutdown),
];

/// Publishes an event on every subject of events, and messages that are none.
async fn publish_all(nats: &portcullis_connect::MemoryNats) {
    let others = [
        "$SYS.ACCOUNT.APP.CLAIMS",
        "$SYS.ACCOUNT.APP.CLAIMS.UPDATE",
        "$SYS.ACCOUNT.APP.LEAFNODE.CONNECT",
        "$SYS.SERVER.NA.OCSP.PEER.CONN.REJECT",
        "$SYS.REQ.SERVER.PING.STATSZ",
    ];
    let events = SUBJECTS.iter().map(|(subject, _)| *subject);
    for subject in others.into_iter().chain(events) {
        nats.publish(subject.into(), connect(1).into())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn every_event_arrives_once_and_nothing_else() {
    let (nats, system) = client();
    let mut events = system.events(&EventFilter::default()).await.unwrap();
    publish_all(&nats).await;
    let mut kinds: Vec<_> = std::iter::from_fn(|| events.next().now_or_never().flatten())
        .map(|event| event.unwrap().kind())
        .collect();
    kinds.sort();
    assert_eq!(kinds, EventKind::ALL);
}

#[tokio::test]
async fn a_filter_names_kinds_and_an_account() {
    for (subject, kind) in SUBJECTS {
        let (nats, system) = client();
        let filter = EventFilter {
            kinds: [kind].into(),
            account: Some("OTHER".parse().unwrap()),
        };
        let mut events = system.events(&filter).await.unwrap();
        publish_all(&nats).await;
        let other = subject.replace(".APP.", ".OTHER.");
        nats.publish(other.as_str().into(), connect(2).into())
            .await
            .unwrap();
        let arrived = std::iter::from_fn(|| events.next().now_or_never().flatten());
        let arrived: Vec<_> = arrived.map(|event| event.unwrap().kind()).collect();
        let once = if other == subject { 2 } else { 1 };
        assert_eq!(arrived, vec![kind; once], "{subject}");
    }
    let (_, system) = client();
    let filter = EventFilter {
        account: Some("*".parse::<AccountName>().unwrap()),
        ..EventFilter::default()
    };
    let error = system.events(&filter).await.unwrap_err();
    assert!(matches!(error, SystemError::Account(_)), "{error:?}");
}

#[tokio::test]
async fn a_connect_and_its_disconnect_arrive_in_order() {
    let (nats, system) = client();
    let mut events = system.events(&EventFilter::default()).await.unwrap();
    for cid in 1..=100 {
        for (subject, _) in &SUBJECTS[..2] {
            nats.publish((*subject).into(), connect(cid).into())
                .await
                .unwrap();
        }
    }
    for cid in 1..=100 {
        let Some(Ok(SystemEvent::Connect(event))) = events.next().await else {
            panic!("no connect of {cid}");
        };
        assert_eq!(event.client.id, cid);
        let Some(Ok(SystemEvent::Disconnect(event))) = events.next().await else {
            panic!("no disconnect of {cid}");
        };
        assert_eq!(event.client.id, cid);
        assert_eq!(event.reason, "Kicked");
    }
}

#[tokio::test]
async fn an_unreadable_event_does_not_end_the_stream() {
    let (nats, system) = client();
    let mut events = system.events(&EventFilter::default()).await.unwrap();
    let (subject, _) = SUBJECTS[0];
    for body in ["not json".to_owned(), connect(1)] {
        nats.publish(subject.into(), body.into()).await.unwrap();
    }
    let error = events.next().await.unwrap().unwrap_err();
    assert_eq!(error.subject, subject);
    assert!(events.next().await.unwrap().is_ok());
}

#[test]
fn unknown_fields_are_kept_and_the_jwt_is_not_shown() {
    let event = EventKind::Connect.read(connect(1).as_bytes()).unwrap();
    let SystemEvent::Connect(connected) = &event else {
        panic!("{event:?}");
    };
    assert_eq!(connected.other["later"], 7);
    assert_eq!(connected.client.other["new"], true);
    assert_eq!(connected.client.jwt.as_ref().unwrap().expose(), JWT);
    assert_eq!(
        connected.client.rtt,
        Some(std::time::Duration::from_micros(1500))
    );
    assert!(!format!("{event:?}").contains(JWT));
    let written = serde_json::to_value(&event).unwrap();
    assert!(!written.to_string().contains(JWT));
    assert_eq!(written["event"], "connect");
    assert_eq!(written["later"], 7);
    assert_eq!(written["client"]["rtt"], 1_500_000);
    assert_eq!(written["client"]["new"], Value::Bool(true));
}

#[test]
fn a_kind_is_read_by_its_name() {
    for kind in EventKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        // A field of the same name does not stand next to the kind.
        let event = kind.read(br#"{"event":2}"#).unwrap();
        assert_eq!(event.kind(), kind);
        let written = serde_json::to_string(&event).unwrap();
        assert_eq!(written.matches("\"event\"").count(), 1, "{written}");
        let written: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(written["event"], kind.as_str());
    }
    assert!("connects".parse::<EventKind>().is_err());
}
