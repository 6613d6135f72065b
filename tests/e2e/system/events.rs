//! Each event once.

use anyhow::{Context, Result};
use async_nats::Event;
use futures::StreamExt as _;
use portcullis_harness::{Accounts, Credentials, Release, Site, log_in, login_options};
use portcullis_system::{
    ConnzRequest, EventFilter, EventKind, ServerFilter, StatszRequest, SystemClient, SystemEvent,
};
use rstest::rstest;
use tokio::sync::mpsc;

use super::{ALICE, Seen, System, sessions, signal};

#[rstest]
#[tokio::test]
async fn logins_kicks_and_refusals_are_events(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let system = System::start(release, &["a"]).await?;
    let (connection, client) = system.connect().await?;
    let id = system.id(&client, "a").await?;
    let mut seen = Seen::new(client.events(&EventFilter::default()).await?);

    let (sender, mut client_events) = mpsc::unbounded_channel();
    let alice = login_options(ALICE, "desk")
        .event_callback(move |event| {
            let sender = sender.clone();
            async move {
                // The receiver lives until the end of the test.
                let _ = sender.send(event);
            }
        })
        .connect(system.server()?.url())
        .await?;
    let connected = seen
        .find(|event| match event {
            SystemEvent::Connect(event) if event.client.name == "desk" => Some(event.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(connected.server.name, "a");
    assert_eq!(connected.server.id, id.as_str());
    assert_eq!(connected.client.account, "APP");
    assert_eq!(connected.client.user, "alice");
    assert_eq!(connected.client.kind, "Client");
    assert_eq!(connected.client.language, "rust");
    assert_eq!(
        connected.header.schema,
        "io.nats.server.advisory.v1.client_connect"
    );
    let connections = seen
        .find(|event| match event {
            SystemEvent::AccountConnections(event) if event.account == "APP" => Some(event.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(connections.connections, 1);

    let wrong = Credentials::Password("alice", "wrong-password");
    assert!(
        log_in(&system.server()?.url(), wrong, "wrong")
            .await
            .is_err()
    );
    let refused = seen
        .find(|event| match event {
            SystemEvent::AuthError(event) => Some(event.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(refused.reason, "Authentication Failure");
    assert_eq!(refused.client.user, "alice");

    // A client is asked to leave, and then made to.
    let cid = connected.client.id;
    client.lame_duck(&id, cid).await?;
    while client_events.recv().await.context("no lame duck")? != Event::LameDuckMode {}
    client.kick(&id, cid).await?;
    let left = seen
        .find(|event| match event {
            SystemEvent::Disconnect(event) if event.client.id == cid => Some(event.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(left.reason, "Kicked");
    assert!(left.client.stop.is_some());
    drop(alice);

    // Without a reply subject, a server answers on the subject of its event.
    let nats = connection.client();
    nats.publish("$SYS.REQ.SERVER.PING.STATSZ", "".into())
        .await?;
    let statistics = seen
        .find(|event| match event {
            SystemEvent::Statsz(event) => Some(event.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(statistics.server.name, "a");
    assert!(statistics.statsz.memory > 0);
    Ok(())
}

#[tokio::test]
async fn the_example_keeps_a_table_of_sessions() -> Result<()> {
    let system = System::start(Release::Nats2_15, &["a"]).await?;
    let (_connection, client) = system.connect().await?;
    let _desk = system.alice("desk").await?;
    let mut seen = Seen::new(client.events(&EventFilter::default()).await?);
    let read = sessions::read_sessions(&client).await;
    let mut table = read.map_err(|error| anyhow::anyhow!("{error}"))?;
    let users: Vec<_> = table.values().map(String::as_str).collect();
    assert_eq!(users, ["admin", "alice"]);

    let (id, cid) = table.keys().next_back().cloned().context("no session")?;
    client.kick(&id.parse()?, cid).await?;
    let left = seen
        .find(|event| match event {
            SystemEvent::Disconnect(_) => Some(event.clone()),
            _ => None,
        })
        .await?;
    let line = sessions::apply(left, &mut table);
    assert_eq!(line.as_deref(), Some("alice leaves a: Kicked"));
    assert_eq!(table.len(), 1);
    Ok(())
}

#[rstest]
#[case::lame_duck(EventKind::LameDuck, "USR2")]
#[case::shutdown(EventKind::Shutdown, "TERM")]
#[tokio::test]
async fn a_server_that_stops_is_an_event(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[case] kind: EventKind,
    #[case] signalled: &str,
) -> Result<()> {
    let system = System::start(release, &["a", "b"]).await?;
    let (_connection, client) = system.connect().await?;
    let filter = EventFilter {
        kinds: [EventKind::LameDuck, EventKind::Shutdown].into(),
        account: None,
    };
    let mut seen = Seen::new(client.events(&filter).await?);
    // The other server answers over the same route on which it hears of the subscriptions.
    let all = ServerFilter::default();
    client
        .ask_all(&StatszRequest {}, &all, system.all()?)
        .await?;

    signal(&system.servers[1], signalled).await?;
    let stops = seen.find(|event| Some(event.clone())).await?;
    assert_eq!(stops.kind(), kind);
    assert_eq!(stops.server().name, "b");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn the_callouts_account_hears_of_its_refusals(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    let server = site.start_server(Accounts::Several).await?;
    let (observer, password) = Site::OBSERVER;
    let nats = log_in(&server.url(), Credentials::Password(observer, password), "").await?;
    // A service that cannot decide: the server refuses an empty answer.
    let mut requests = nats.subscribe("$SYS.REQ.USER.AUTH").await?;
    let answering = nats.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let Some(reply) = request.reply else { continue };
            if answering.publish(reply, "".into()).await.is_err() {
                break;
            }
        }
    });
    let client = SystemClient::new(nats.clone());
    let mut seen = Seen::new(client.events(&EventFilter::default()).await?);

    assert!(log_in(&server.url(), ALICE, "desk").await.is_err());
    let refused = seen
        .find(|event| match event {
            SystemEvent::AccountAuthError(event) => Some(event.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(refused.client.name, "desk");
    assert_eq!(refused.server.name, "portcullis-tests");

    // The account is not the system account.
    let server = refused.server.server_id()?;
    let error = client.ask(&server, &ConnzRequest::default()).await;
    let error = error.err().context("answered")?.to_string();
    assert!(
        error.contains("log in as a user of the system account"),
        "{error}"
    );
    Ok(())
}
