//! Requests to one server, and to several.

use std::time::Duration;

use portcullis_core::{AccountName, with_causes};
use serde_json::{Value, json};

use super::{LONG, SERVER, client, expecting, serve};
use crate::{
    ConnzRequest, Gathering, GatheringEnd, HealthzRequest, IdzRequest, JszRequest, ProfilezRequest,
    ReplyError, ServerFilter, ServerId, StatszRequest, SystemError, VarzRequest,
};

/// A time after which no other answer is expected, although answers are sent at once.
const QUIET: Duration = Duration::from_millis(20);

fn server() -> ServerId {
    SERVER.parse().unwrap()
}

fn statsz(name: &str, connections: u8) -> String {
    json!({ "server": { "name": name }, "statsz": { "connections": connections } }).to_string()
}

#[tokio::test]
async fn the_answers_of_the_expected_servers_are_enough() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.SERVER.PING.STATSZ", |_| {
        vec![statsz("a", 1), statsz("b", 2), statsz("c", 3)]
    })
    .await;
    let all = ServerFilter::default();
    let gathered = system.ask_all(&StatszRequest {}, &all, expecting(2));
    let gathered = gathered.await.unwrap();
    assert_eq!(gathered.end, GatheringEnd::Complete);
    let names: Vec<_> = gathered
        .replies
        .iter()
        .map(|reply| reply.server.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(gathered.replies[1].result.as_ref().unwrap().connections, 2);
}

#[tokio::test]
async fn a_gathering_ends_once_no_other_server_answers() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.SERVER.PING.STATSZ", |_| {
        vec![statsz("a", 1), statsz("b", 2)]
    })
    .await;
    let all = ServerFilter::default();
    let quiet = Gathering::until_quiet(QUIET, LONG);
    let gathered = system
        .ask_all(&StatszRequest {}, &all, quiet)
        .await
        .unwrap();
    assert_eq!(gathered.end, GatheringEnd::Quiet);
    assert_eq!(gathered.replies.len(), 2);
}

#[tokio::test]
async fn a_gathering_ends_after_its_total_time() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.SERVER.PING.STATSZ", |_| {
        vec![statsz("a", 1)]
    })
    .await;
    let all = ServerFilter::default();
    for gathering in [
        Gathering::expecting(2.try_into().unwrap(), QUIET),
        Gathering::until_quiet(LONG, QUIET),
    ] {
        let gathered = system.ask_all(&StatszRequest {}, &all, gathering);
        let end = gathered.await.unwrap().end;
        assert_eq!(end, GatheringEnd::TimedOut, "{gathering:?}");
    }
}

#[tokio::test]
async fn a_request_that_no_server_receives_names_the_system_account() {
    let (_, system) = client();
    let error = system.ask(&server(), &VarzRequest {}).await.unwrap_err();
    assert!(
        matches!(error, SystemError::NoResponders { .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!(
            "no server answers `$SYS.REQ.SERVER.{SERVER}.VARZ`: log in as a user of the system \
             account, and check the server's id and release"
        )
    );
    let all = ServerFilter::default();
    let gathered = system.ask_all(&VarzRequest {}, &all, Gathering::default());
    let error = gathered.await.unwrap_err();
    assert!(
        matches!(error, SystemError::NoResponders { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_request_without_answer_ends() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.SERVER.*.VARZ", |_| Vec::<String>::new()).await;
    let system = system.with_patience(QUIET);
    let error = system.ask(&server(), &VarzRequest {}).await.unwrap_err();
    assert!(matches!(error, SystemError::NoAnswer { .. }), "{error:?}");
    let all = ServerFilter::default();
    serve(&nats, "$SYS.REQ.SERVER.PING.VARZ", |_| Vec::<String>::new()).await;
    let gathered = system.ask_all(&VarzRequest {}, &all, Gathering::until_quiet(QUIET, QUIET));
    let gathered = gathered.await.unwrap();
    assert_eq!(gathered.end, GatheringEnd::TimedOut);
    assert!(gathered.replies.is_empty());
}

#[tokio::test]
async fn the_error_of_a_server_is_typed() {
    let (nats, system) = client();
    let refused = json!({
        "server": { "name": "a" },
        "error": { "code": 500, "description": "no such client or leafnode id" },
    });
    serve(&nats, "$SYS.REQ.SERVER.*.KICK", move |_| {
        vec![refused.to_string()]
    })
    .await;
    let error = system.kick(&server(), 7).await.unwrap_err();
    let SystemError::Reply {
        source: ReplyError::Refused(refusal),
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.code, 500);
    assert_eq!(refusal.description, "no such client or leafnode id");
    assert_eq!(
        with_causes(&error),
        format!(
            "request to `$SYS.REQ.SERVER.{SERVER}.KICK` failed: the server answers `no such \
             client or leafnode id` (code 500)"
        )
    );
}

#[tokio::test]
async fn the_error_of_one_server_leaves_the_answers_of_others() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.SERVER.PING.HEALTHZ", |_| {
        vec![
            r#"{"server":{"name":"a"},"error":{"code":400,"description":"bad"}}"#,
            "not json",
            r#"{"server":{"name":"b"},"data":{"status":"ok","status_code":200}}"#,
        ]
    })
    .await;
    let all = ServerFilter::default();
    let request = HealthzRequest::default();
    let gathered = system.ask_all(&request, &all, expecting(3));
    let mut replies = gathered.await.unwrap().replies.into_iter();
    let mut next = || replies.next().unwrap().result;
    assert!(matches!(next(), Err(ReplyError::Refused(_))));
    assert!(matches!(next(), Err(ReplyError::Malformed(_))));
    assert!(next().unwrap().is_ok());
}

#[tokio::test]
async fn an_order_says_which_connection() {
    let (nats, system) = client();
    for subject in ["$SYS.REQ.SERVER.*.KICK", "$SYS.REQ.SERVER.*.LDM"] {
        serve(&nats, subject, |body| {
            assert_eq!(body, r#"{"cid":7}"#);
            vec![r#"{"server":{"name":"a"}}"#]
        })
        .await;
    }
    system.kick(&server(), 7).await.unwrap();
    system.lame_duck(&server(), 7).await.unwrap();
}

#[tokio::test]
async fn a_filter_stands_next_to_the_request() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.SERVER.PING.JSZ", |body| {
        vec![json!({ "server": {}, "data": { "body": body } }).to_string()]
    })
    .await;
    let filter = ServerFilter {
        name: Some("a".to_owned()),
        cluster: Some("east".to_owned()),
        exact: true,
        tags: vec!["gpu".to_owned()],
        ..ServerFilter::default()
    };
    let request = JszRequest {
        streams: true,
        ..JszRequest::default()
    };
    let gathered = system.ask_all(&request, &filter, expecting(1));
    let reply = gathered.await.unwrap().replies.remove(0);
    let sent = reply.result.unwrap().other["body"].clone();
    let sent: Value = serde_json::from_str(sent.as_str().unwrap()).unwrap();
    assert_eq!(
        sent,
        json!({
            "streams": true, "offset": 0, "limit": 0,
            "server_name": "a", "cluster": "east", "exact_match": true, "tags": ["gpu"],
        })
    );
}

#[tokio::test]
async fn idz_has_no_envelope() {
    let (nats, system) = client();
    let answer = json!({ "name": "a", "host": "0.0.0.0", "id": SERVER });
    serve(&nats, "$SYS.REQ.SERVER.PING.IDZ", move |_| {
        vec![answer.to_string()]
    })
    .await;
    let all = ServerFilter::default();
    let gathered = system.ask_all(&IdzRequest {}, &all, expecting(1));
    let reply = gathered.await.unwrap().replies.remove(0);
    assert_eq!(reply.server.server_id().unwrap(), server());
    assert_eq!(reply.result.unwrap().name, "a");
}

/// Serves connections with these numbers, page by page, as servers do.
async fn serve_connections(nats: &portcullis_connect::MemoryNats, cids: Vec<u64>) {
    serve(nats, "$SYS.REQ.SERVER.*.CONNZ", move |body| {
        let request: Value = serde_json::from_str(body).unwrap();
        let number = |name: &str| usize::try_from(request[name].as_u64().unwrap()).unwrap();
        let (offset, limit) = (number("offset"), number("limit"));
        let page = cids.iter().skip(offset).take(limit);
        let page: Vec<_> = page.map(|cid| json!({ "cid": cid })).collect();
        let data = json!({
            "num_connections": page.len(), "total": cids.len(), "offset": offset, "limit": limit,
            "connections": page,
        });
        vec![json!({ "server": { "name": "a" }, "data": data }).to_string()]
    })
    .await;
}

#[tokio::test]
async fn every_connection_of_every_page_is_read_once() {
    for (cids, limit) in [
        (vec![], 2),
        (vec![1, 2, 3], 2),
        (vec![1, 2, 3, 4], 2),
        // A connection that was closed moves another one into the next page again.
        (vec![1, 2, 2, 3, 4], 2),
        ((1..=2500).collect(), ConnzRequest::PAGE),
    ] {
        let (nats, system) = client();
        serve_connections(&nats, cids.clone()).await;
        let request = ConnzRequest {
            limit,
            ..ConnzRequest::default()
        };
        let read = system.connections(&server(), &request).await.unwrap();
        let read: Vec<_> = read.iter().map(|connection| connection.cid).collect();
        let mut expected = cids;
        expected.dedup();
        assert_eq!(read, expected);
    }
}

#[tokio::test]
async fn a_server_that_ignores_the_offset_does_not_hold_the_client() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.SERVER.*.CONNZ", |_| {
        vec![r#"{"server":{},"data":{"limit":1,"connections":[{"cid":7}]}}"#]
    })
    .await;
    let request = ConnzRequest {
        cid: Some(7),
        ..ConnzRequest::default()
    };
    let read = system.connections(&server(), &request).await.unwrap();
    assert_eq!(read.len(), 1);
}

#[tokio::test]
async fn a_profile_is_bytes_or_the_servers_reason() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.SERVER.*.PROFILEZ", |body| {
        let request: Value = serde_json::from_str(body).unwrap();
        vec![match request["name"].as_str().unwrap() {
            "heap" => r#"{"server":{},"data":{"profile":"H4sI","error":""}}"#,
            "cpu" if request["duration"] == 2_000_000_000 => {
                r#"{"server":{},"data":{"profile":"AA==","error":""}}"#
            }
            "bad" => r#"{"server":{},"data":{"profile":"%","error":""}}"#,
            _ => r#"{"server":{},"data":{"profile":null,"error":"Profile \"x\" not found"}}"#,
        }]
    })
    .await;
    let profile = async |name: &str| {
        let request = ProfilezRequest {
            name: name.to_owned(),
            duration: match name {
                "cpu" => Duration::from_secs(2),
                _ => Duration::ZERO,
            },
            ..ProfilezRequest::default()
        };
        system.profile(&server(), &request).await
    };
    assert_eq!(profile("heap").await.unwrap(), [0x1f, 0x8b, 0x08]);
    assert_eq!(profile("cpu").await.unwrap(), [0]);
    let error = profile("x").await.unwrap_err();
    assert!(matches!(error, SystemError::Profile { .. }), "{error:?}");
    let error = profile("bad").await.unwrap_err();
    assert!(matches!(error, SystemError::Reply { .. }), "{error:?}");
}

#[tokio::test]
async fn an_account_is_one_token_of_its_subject() {
    let (nats, system) = client();
    serve(&nats, "$SYS.REQ.ACCOUNT.APP.CONNZ", |_| {
        vec![r#"{"server":{},"data":{"num_connections":3}}"#]
    })
    .await;
    let app: AccountName = "APP".parse().unwrap();
    let request = ConnzRequest::default();
    let gathered = system.ask_account(&app, &request, expecting(1)).await;
    let reply = gathered.unwrap().replies.remove(0);
    assert_eq!(reply.result.unwrap().num_connections, 3);
    for name in ["*", ">", "A.B"] {
        let account: AccountName = name.parse().unwrap();
        let asked = system.ask_account(&account, &request, expecting(1));
        let error = asked.await.unwrap_err();
        assert!(
            matches!(error, SystemError::Account(_)),
            "{name}: {error:?}"
        );
    }
}

#[tokio::test]
async fn user_info_is_read_with_and_without_an_envelope() {
    let info = json!({
        "user": "alice", "account": "APP", "expires": 60_000_000_000_u64,
        "permissions": { "publish": { "allow": ["a.>"] }, "responses": { "max": 1, "ttl": -1 } },
    });
    for answer in [
        info.clone(),
        json!({ "server": { "name": "a" }, "data": info }),
    ] {
        let (nats, system) = client();
        serve(&nats, "$SYS.REQ.USER.INFO", move |_| {
            vec![answer.to_string()]
        })
        .await;
        let info = system.user_info().await.unwrap();
        assert_eq!(
            (info.user.as_str(), info.account.as_str()),
            ("alice", "APP")
        );
        assert_eq!(info.expires, Some(Duration::from_mins(1)));
        let permissions = info.permissions.unwrap();
        assert_eq!(permissions.publish.unwrap().allow, ["a.>"]);
        assert_eq!(permissions.subscribe, None);
        assert_eq!(permissions.responses.unwrap().ttl, None);
    }
}

#[test]
fn only_a_servers_nkey_is_its_id() {
    assert_eq!(server().to_string(), SERVER);
    let user = "UACPRGLNU5R3PKLJWEBI5YYAOVU6V45GGVEG3WVSCHKRFSC3TX4PW42R";
    for text in [
        "",
        "N",
        "*",
        "PING",
        "NCZ6VTJTIM5TDNJFENIQGLE3HZ5C46VHOOGV33G7BXLMMJUAQU6ANOAB",
        user,
    ] {
        assert!(text.parse::<ServerId>().is_err(), "{text}");
    }
}
