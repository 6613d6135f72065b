//! Each service once, at two servers.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use async_nats::Client;
use portcullis_core::{AccountName, with_causes};
use portcullis_harness::Release;
use portcullis_system::{
    AccountzRequest, ConnectionState, ConnzRequest, GatheringEnd, HealthzRequest, JszRequest,
    ProfilezRequest, ServerFilter, Service, StatszRequest, SubszRequest, SystemClient, SystemError,
    VarzRequest,
};
use rstest::rstest;
use tokio::time::timeout;

use super::System;

/// Returns the answer of each server, by name.
async fn ask<R: Service>(
    system: &System,
    client: &SystemClient<Client>,
    request: &R,
) -> Result<Vec<(String, R::Answer)>> {
    let all = ServerFilter::default();
    let gathered = client.ask_all(request, &all, system.all()?).await?;
    assert_eq!(gathered.end, GatheringEnd::Complete);
    let mut answers = Vec::new();
    for reply in gathered.replies {
        assert!(reply.server.server_id().is_ok(), "{:?}", reply.server);
        answers.push((reply.server.name, reply.result?));
    }
    answers.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(answers)
}

/// Waits until each server counts both. A server counts another one once it has heard of it.
async fn servers_met(system: &System, client: &SystemClient<Client>) -> Result<()> {
    loop {
        let answers = ask(system, client, &StatszRequest {}).await?;
        if answers.iter().all(|(_, statsz)| statsz.active_servers == 2) {
            return Ok(());
        }
    }
}

#[rstest]
#[tokio::test]
async fn every_server_answers_every_service(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let system = System::start(release, &["a", "b"]).await?;
    let (_connection, client) = system.connect().await?;
    let alice = system.alice("desk").await?;
    let _orders = alice
        .queue_subscribe("orders.*", "workers".to_owned())
        .await?;
    alice.flush().await?;
    let app: AccountName = "APP".parse()?;

    let met = timeout(super::PATIENCE, servers_met(&system, &client)).await;
    met.context("a server does not count the other")??;
    let varz = ask(&system, &client, &VarzRequest {}).await?;
    let (name, first) = &varz[0];
    assert_eq!(name, "a");
    assert_eq!(first.server_name, "a");
    assert_eq!(first.port, system.server()?.port());
    assert_eq!(first.system_account, "SYS");
    assert_eq!(first.tags, ["of:a"]);
    assert!(first.auth_required);
    for (name, health) in ask(&system, &client, &HealthzRequest::default()).await? {
        assert!(health.is_ok(), "{name}: {health:?}");
    }
    for (name, jsz) in ask(&system, &client, &JszRequest::default()).await? {
        assert!(jsz.disabled, "{name}: {jsz:?}");
    }
    let accounts = ask(&system, &client, &AccountzRequest::default()).await?;
    assert!(accounts[0].1.accounts.contains(&"APP".to_owned()));
    let detail = AccountzRequest {
        account: Some(app.clone()),
    };
    let accounts = ask(&system, &client, &detail).await?;
    let account = accounts[0].1.account.as_ref().context("no details")?;
    assert_eq!((account.name.as_str(), account.clients), ("APP", 1));
    let subscriptions = SubszRequest {
        list: true,
        account: Some(app.clone()),
        ..SubszRequest::default()
    };
    let subsz = ask(&system, &client, &subscriptions).await?;
    let orders = subsz[0].1.list.iter().find(|it| it.subject == "orders.*");
    let orders = orders.context("no subscription")?;
    assert_eq!(orders.queue_group.as_deref(), Some("workers"));

    // The first server alone has a connection of the account.
    let request = ConnzRequest::default();
    let gathered = client.ask_account(&app, &request, system.all()?);
    let mut counts = Vec::new();
    for reply in gathered.await?.replies {
        counts.push((reply.server.name, reply.result?.num_connections));
    }
    counts.sort();
    assert_eq!(counts, [("a".to_owned(), 1), ("b".to_owned(), 0)]);

    // A filter leaves one server.
    let tagged = ServerFilter {
        tags: vec!["of:b".to_owned()],
        ..ServerFilter::default()
    };
    let one = portcullis_system::Gathering::expecting(1.try_into()?, super::PATIENCE);
    let gathered = client.ask_all(&StatszRequest {}, &tagged, one).await?;
    assert_eq!(gathered.replies[0].server.name, "b");

    let info = client.user_info().await?;
    assert_eq!(
        (info.user.as_str(), info.account.as_str()),
        ("admin", "SYS")
    );
    assert_eq!(info.expires, None);
    let info = SystemClient::new(alice).user_info().await?;
    assert_eq!(
        (info.user.as_str(), info.account.as_str()),
        ("alice", "APP")
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn connections_are_read_page_by_page(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let system = System::start(release, &["a"]).await?;
    let (_connection, client) = system.connect().await?;
    let id = system.id(&client, "a").await?;
    let mut clients = Vec::new();
    for number in 0..5 {
        clients.push(system.alice(&format!("desk-{number}")).await?);
    }
    let request = ConnzRequest {
        limit: 2,
        account: Some("APP".parse()?),
        ..ConnzRequest::default()
    };
    let connections = client.connections(&id, &request).await?;
    let names: BTreeSet<_> = connections.iter().map(|it| it.name.as_str()).collect();
    let expected: BTreeSet<_> = ["desk-0", "desk-1", "desk-2", "desk-3", "desk-4"].into();
    assert_eq!(names, expected);
    assert_eq!(connections.len(), 5);
    let first = &connections[0];
    assert_eq!(first.authorized_user.as_deref(), Some("alice"));
    assert_eq!(first.account.as_deref(), Some("APP"));

    // Filters of the server.
    let of = |user: &str| ConnzRequest {
        user: Some(user.to_owned()),
        ..request.clone()
    };
    assert_eq!(client.connections(&id, &of("alice")).await?.len(), 5);
    assert_eq!(client.connections(&id, &of("bob")).await?.len(), 0);
    let one = ConnzRequest {
        cid: Some(first.cid),
        account: None,
        ..request.clone()
    };
    let found = client.connections(&id, &one).await?;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, first.name);
    client.kick(&id, first.cid).await?;
    let closed = ConnzRequest {
        state: ConnectionState::Closed,
        account: None,
        ..request
    };
    // The server notes the end of a connection after its answer.
    let reason = tokio::time::timeout(super::PATIENCE, async {
        loop {
            let connections = client.connections(&id, &closed).await?;
            if let Some(found) = connections.iter().find(|it| it.cid == first.cid) {
                return Ok::<_, SystemError>(found.reason.clone());
            }
        }
    });
    assert_eq!(reason.await??.as_deref(), Some("Kicked"));
    Ok(())
}

#[rstest]
#[tokio::test]
async fn orders_are_obeyed_or_refused_by_name(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let system = System::start(release, &["a"]).await?;
    let (_connection, client) = system.connect().await?;
    let id = system.id(&client, "a").await?;

    let heap = ProfilezRequest {
        name: "heap".to_owned(),
        ..ProfilezRequest::default()
    };
    let profile = client.profile(&id, &heap).await?;
    assert!(profile.starts_with(&[0x1f, 0x8b]), "a profile is gzip");
    let cpu = ProfilezRequest {
        name: "cpu".to_owned(),
        duration: Duration::from_millis(10),
        ..ProfilezRequest::default()
    };
    assert!(!client.profile(&id, &cpu).await?.is_empty());
    for (request, reason) in [
        (ProfilezRequest::default(), "Profile name not specified"),
        (
            ProfilezRequest {
                name: "none".to_owned(),
                ..ProfilezRequest::default()
            },
            "Profile \"none\" not found",
        ),
    ] {
        let error = client.profile(&id, &request).await.err();
        let error = error.context("made a profile")?.to_string();
        assert!(error.contains(reason), "{error}");
    }

    let unknown = [
        (client.kick(&id, 1_000_000).await, "no such client"),
        (client.lame_duck(&id, 1_000_000).await, "no such client id"),
    ];
    for (answer, description) in unknown {
        let error = with_causes(&answer.err().context("obeyed")?);
        assert!(error.contains(description), "{error}");
        assert!(error.contains("(code 500)"), "{error}");
    }

    system.write_config("a", "max_payload: 65536")?;
    client.reload(&id).await?;
    let varz = client.ask(&id, &VarzRequest {}).await?;
    assert_eq!(varz.max_payload, 65536);
    system.write_config("a", "no_such_key: 1")?;
    let error = client.reload(&id).await.err().context("reloaded")?;
    let error = with_causes(&error);
    assert!(error.contains("unknown field \"no_such_key\""), "{error}");
    let varz = client.ask(&id, &VarzRequest {}).await?;
    assert_eq!(varz.max_payload, 65536, "the old configuration stays");
    Ok(())
}
