//! Tests of the end of a user JWT, and of its renewal.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_nats::jetstream;
use futures::StreamExt as _;
use portcullis_connect::{
    Authentication, ClientSecret, Connection, ConnectionHooks, ConnectionOptions, ConnectionStatus,
    ExchangeClient, ExchangeOptions, ExchangeProtocol, Peer, Secret, StoredToken, connect,
};
use portcullis_harness::{NatsServer, Operator, PATIENCE, Release, Resolver, Site};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::orders::{Settings, connect_with};
use crate::service::Service;

/// A server in operator mode, and an exchange that places users in its account `APP`.
struct World {
    _site: Site,
    operator: Operator,
    server: NatsServer,
    service: Service,
}

impl World {
    /// Starts both. User JWTs live for `lifetime`.
    async fn start(lifetime: Duration) -> Result<Self> {
        let site = Site::create(Release::Newest)?;
        let mut operator = Operator::new(&["APP"])?;
        operator.account_mut("APP")?.use_jetstream();
        operator.write(site.path())?;
        let store = site.path().join("jetstream");
        let extra = format!("jetstream {{ store_dir: \"{}\" }}", store.display());
        let config = operator.server_config(Resolver::Memory, site.path(), &extra)?;
        let server = site.start_server_with(&config).await?;
        let seed = fs::read_to_string(site.path().join("keys/APP.nk"))?;
        let service = Service::start(&seed, lifetime).await;
        Ok(Self {
            _site: site,
            operator,
            server,
            service,
        })
    }

    /// Connects as a user of the same account whose login does not end.
    async fn observe(&self) -> Result<Connection> {
        let user = self.operator.account("APP")?.user("observer")?;
        let credentials = Secret::new(user.credentials()?);
        let options = ConnectionOptions {
            authentication: Authentication::Credentials(credentials.into()),
            ..ConnectionOptions::new("observer", vec![self.server.url()])
        };
        Ok(timeout(PATIENCE, connect(&options)).await??)
    }

    /// Connects with the token that the exchange accepts.
    async fn connect(&self, hooks: Arc<Recorder>) -> Result<Connection> {
        let tokens = Arc::new(StoredToken::new(Secret::new("a-token")));
        let exchange = ExchangeClient::new(ExchangeOptions {
            protocol: ExchangeProtocol::Core,
            ..ExchangeOptions::new(&self.service.url, "roof", tokens)
        })?;
        let options = ConnectionOptions {
            authentication: Authentication::Renewed(exchange.into()),
            hooks,
            ..ConnectionOptions::new("roof", vec![self.server.url()])
        };
        Ok(timeout(PATIENCE, connect(&options)).await??)
    }
}

/// Records the reasons of disconnects, and reconnects.
#[derive(Debug)]
struct Recorder(UnboundedSender<String>);

impl Recorder {
    fn new() -> (Arc<Self>, UnboundedReceiver<String>) {
        let (sender, events) = unbounded_channel();
        (Arc::new(Self(sender)), events)
    }
}

impl ConnectionHooks for Recorder {
    fn disconnect(&self, _connection: &str, _peer: &Peer, error: Option<&str>) {
        let _ = self
            .0
            .send(format!("lost: {}", error.unwrap_or("no reason")));
    }

    fn reconnect(&self, _connection: &str, _peer: &Peer, _reconnects: u64) {
        let _ = self.0.send("back".to_owned());
    }
}

async fn next(events: &mut UnboundedReceiver<String>) -> Result<String> {
    let event = timeout(PATIENCE, events.recv()).await?;
    event.context("the connection has ended")
}

#[tokio::test]
async fn the_example_connects_with_both_services() -> Result<()> {
    let world = World::start(Duration::from_mins(5)).await?;
    let settings = Settings {
        token_url: format!("{}/token", world.service.url),
        exchange_url: world.service.url.clone(),
        nats_url: world.server.url(),
        client: ClientSecret {
            id: "orders".to_owned(),
            secret: Secret::new("s3cret").into(),
        },
    };
    let connection = timeout(PATIENCE, connect_with(settings)).await?;
    let connection = connection.map_err(|error| anyhow::anyhow!("{error}"))?;
    let client = connection.client();
    let mut orders = client.subscribe("orders.>").await?;
    client.publish("orders.new", "42".into()).await?;
    let order = timeout(PATIENCE, orders.next()).await?;
    assert_eq!(order.context("no order")?.payload, "42");
    let issued = world.service.issued();
    assert_eq!(issued.len(), 1, "{issued:?}");
    assert_eq!(issued[0].path, "/v1/tokens");
    Ok(())
}

/// Covers a client without the renewal before the end: its `Connection` is dropped.
#[tokio::test]
async fn a_login_that_ended_is_replaced_by_one_exchange() -> Result<()> {
    let world = World::start(Duration::from_secs(3)).await?;
    let (hooks, mut events) = Recorder::new();
    let connection = world.connect(hooks).await?;
    let client = connection.client().clone();
    drop(connection);
    let lost = next(&mut events).await?;
    assert!(
        lost.to_lowercase().contains("authentication expired"),
        "{lost}"
    );
    assert_eq!(next(&mut events).await?, "back");
    client.flush().await?;
    let issued = world.service.issued();
    assert_eq!(issued.len(), 2, "{issued:?}");
    assert_eq!(issued[0].nkey, issued[1].nkey);
    assert_ne!(issued[0].id, issued[1].id);
    Ok(())
}

/// Publishes with acknowledgements until the login was renewed. Returns the numbers of
/// the acknowledged messages, in the stream `ORDERS`.
async fn publish_over_renewals(
    context: &jetstream::Context,
    status: &ConnectionStatus,
) -> Result<Vec<u64>> {
    let mut acknowledged = Vec::new();
    while status.counts().reconnects == 0 {
        let published = context.publish("orders.stored", "".into()).await?;
        // An acknowledgement on its way is lost with the connection.
        if let Ok(stored) = published.await {
            acknowledged.push(stored.sequence);
        }
    }
    Ok(acknowledged)
}

#[tokio::test]
async fn a_login_is_renewed_before_its_end_without_losing_what_was_acknowledged() -> Result<()> {
    // A machine that is busy for some seconds still renews before the end.
    let world = World::start(Duration::from_secs(20)).await?;
    let (hooks, mut events) = Recorder::new();
    let connection = world.connect(hooks).await?;
    let status = connection.status();
    let client = connection.client();
    let mut subscription = client.subscribe("news.>").await?;
    let mut context = jetstream::new(client.clone());
    context.set_timeout(Duration::from_secs(1));
    let stream = jetstream::stream::Config {
        name: "ORDERS".to_owned(),
        subjects: vec!["orders.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    context.create_stream(stream).await?;

    let published = publish_over_renewals(&context, &status);
    let acknowledged = timeout(PATIENCE, published).await??;
    let observer = world.observe().await?;
    let stored = jetstream::new(observer.client().clone());
    let stored = stored
        .get_stream("ORDERS")
        .await?
        .cached_info()
        .state
        .clone();
    assert_eq!(
        stored.messages, stored.last_sequence,
        "the stream has no gap"
    );
    assert!(
        acknowledged
            .iter()
            .all(|number| *number <= stored.last_sequence)
    );
    assert!(acknowledged.is_sorted() && acknowledged.len() > 3);
    observer.client().publish("news.today", "".into()).await?;
    let news = timeout(PATIENCE, subscription.next()).await?;
    assert!(news.is_some(), "the subscription is still there");

    let counts = status.counts();
    assert!(counts.renewals >= 1, "{counts:?}");
    assert_eq!(next(&mut events).await?, "lost: the login ends soon");
    assert_eq!(next(&mut events).await?, "back");
    let issued = world.service.issued();
    assert!(issued.iter().all(|it| it.nkey == issued[0].nkey));
    Ok(())
}
