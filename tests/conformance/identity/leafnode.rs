//! Leafnodes: servers that log in at another server.

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions, Subscriber};
use futures::{FutureExt, StreamExt};
use portcullis_harness::{
    Credentials, Joined, Leafnode, Operator, Release, Remote, Resolver, Site, log_in,
};
use tokio::time::{Duration, timeout};

use super::visit::{Fields, expect_fields, lets_in};
use crate::certified::Certified;
use crate::rules::Rule;
use crate::stage::{Config, Extra, Stage, listen};

/// The server's listener for leafnodes.
const LISTEN: &str = "leafnodes { listen: \"127.0.0.1:-1\" }";
/// The subject that a leafnode may publish on.
const HERE: &str = "app.here";
/// The time after which a message counts as lost: longer than any message takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client in the account of the leafnodes, with its subscriptions.
struct Neighbour {
    here: Subscriber,
    elsewhere: Subscriber,
    /// The connection of the subscriptions.
    _client: Client,
}

impl Neighbour {
    async fn listen(client: Client) -> Result<Self> {
        Ok(Self {
            here: listen(&client, HERE).await?,
            elsewhere: listen(&client, "elsewhere").await?,
            _client: client,
        })
    }

    /// Verifies that messages of the leafnode's client arrive on the permitted subject, and on no
    /// other.
    async fn hears(&mut self, leafnode: &Leafnode) -> Result<()> {
        let client = log_in(&leafnode.url(), Credentials::None, "far").await?;
        // Servers keep this order, so the permitted message must arrive last.
        client.publish("elsewhere", "no".into()).await?;
        client.publish(HERE, "yes".into()).await?;
        client.flush().await?;
        let heard = timeout(PATIENCE, self.here.next()).await;
        heard.context("nothing is heard of the leafnode")?;
        let elsewhere = self.elsewhere.next().now_or_never();
        ensure!(elsewhere.is_none(), "may do what it may not: {elsewhere:?}");
        Ok(())
    }
}

/// Verifies a login with a user name and a password in the address of the remote.
pub(super) async fn password(release: Release) -> Result<()> {
    let config = Config {
        accounts: "  APP: {}",
        targets: &["APP"],
        top: LISTEN,
        ..Config::GLOBAL
    };
    let rules = [
        lets_in(Rule::password("edge", "wonderland"), "APP"),
        Rule::token("neighbour").permits("APP").everything(),
    ];
    let stage = Stage::config(release, config, &rules).await?;
    let neighbour = stage.log_in(Credentials::Token("neighbour"), "neighbour");
    let mut neighbour = Neighbour::listen(neighbour.await?).await?;
    let fields: Fields<'_> = &[
        ("client.kind", "Leafnode"),
        ("client.transport", ""),
        ("client.method", "password"),
        ("identity.principal", "edge"),
        ("identity.strength", "claimed"),
    ];
    let good = start(&stage, "edge", by_password("edge:wonderland")).await?;
    admitted(&stage, &good, "edge", fields, &mut neighbour).await?;
    let bad = start(&stage, "stranger", by_password("edge:wrong")).await?;
    refused(&stage, &bad, "stranger", fields).await
}

/// Verifies a login over WebSocket, with a permit that names the connection type of leafnodes. No
/// server tells the host whether a leafnode is connected over WebSocket.
pub(super) async fn over_websocket(release: Release) -> Result<()> {
    let top = format!("{LISTEN}\nwebsocket {{ listen: \"127.0.0.1:-1\", no_tls: true }}");
    let config = Config {
        accounts: "  APP: {}",
        targets: &["APP"],
        top: &top,
        ..Config::GLOBAL
    };
    let leafnodes = |rule| lets_in(rule, "APP").connection_types(&["LEAFNODE"]);
    let clients = |rule: Rule| rule.permits("APP").connection_types(&["STANDARD"]);
    let rules = [
        leafnodes(Rule::password("edge", "wonderland")),
        clients(Rule::password("desk", "wonderland")),
        Rule::token("neighbour").permits("APP").everything(),
    ];
    let stage = Stage::config(release, config, &rules).await?;
    let neighbour = stage.log_in(Credentials::Token("neighbour"), "neighbour");
    let mut neighbour = Neighbour::listen(neighbour.await?).await?;
    let fields = |principal| {
        [
            ("client.kind", "Leafnode"),
            ("client.transport", ""),
            ("client.method", "password"),
            ("identity.principal", principal),
        ]
    };
    let port = stage.server.websocket_port()?;
    let remote = |user| Remote {
        over_websocket: true,
        ..by_password(user)
    };
    let good = Leafnode::start(&stage.site, "edge", port, remote("edge:wonderland")).await?;
    admitted(&stage, &good, "edge", &fields("edge"), &mut neighbour).await?;
    let bad = Leafnode::start(&stage.site, "desk", port, remote("desk:wonderland")).await?;
    refused(&stage, &bad, "desk", &fields("desk")).await
}

/// Verifies a login with a certificate alone.
pub(super) async fn certificate(release: Release) -> Result<()> {
    let rules = [
        lets_in(Rule::certificate("CN=edge"), "FOO"),
        Rule::certificate("CN=neighbour")
            .permits("FOO")
            .everything(),
    ];
    let Certified { stage, authority } = Certified::start(release, &rules).await?;
    let own = authority.issue("neighbour")?;
    let options = ConnectOptions::new()
        .name("neighbour")
        .require_tls(true)
        .add_root_certificates(authority.file.clone())
        .add_client_certificate(own.file, own.key_file);
    let neighbour = stage.connect(options, "neighbour").await?;
    let mut neighbour = Neighbour::listen(neighbour).await?;
    let fields = |subject| {
        [
            ("client.kind", "Leafnode"),
            ("client.method", "certificate"),
            ("identity.principal", subject),
            ("identity.strength", "proved"),
            ("identity.issuer", "CN=Portcullis tests"),
        ]
    };
    let by_certificate = |certificate| Remote {
        tls: Some((&authority.file, certificate)),
        ..Remote::default()
    };
    let (edge, other) = (authority.issue("edge")?, authority.issue("other")?);
    let good = start(&stage, "edge", by_certificate(&edge)).await?;
    admitted(&stage, &good, "edge", &fields("CN=edge"), &mut neighbour).await?;
    let bad = start(&stage, "other", by_certificate(&other)).await?;
    refused(&stage, &bad, "other", &fields("CN=other")).await
}

/// Verifies a login with a credentials file.
pub(super) async fn credentials(release: Release) -> Result<()> {
    let operator = Operator::new(&["APP"])?;
    let rules = [
        lets_in(Rule::anybody().name_tag("edge"), "APP"),
        Rule::token("neighbour").permits("APP").everything(),
    ];
    let extra = Extra {
        server: LISTEN,
        ..Extra::default()
    };
    let site = Site::create(release)?;
    let stage = Stage::operator_at(site, &operator, Resolver::Memory, &rules, extra).await?;
    let shared = operator.sentinel.credentials()?;
    let neighbour = stage.log_in_behind(&shared, "neighbour", "neighbour");
    let mut neighbour = Neighbour::listen(neighbour.await?).await?;
    let (edge, other) = (
        operator.callout.user("edge")?,
        operator.callout.user("other")?,
    );
    let key = edge.public_key();
    let good = start(&stage, "edge", by_credentials(&edge.credentials()?)).await?;
    admitted(&stage, &good, "edge", &proved(&key), &mut neighbour).await?;
    let key = other.public_key();
    let bad = start(&stage, "other", by_credentials(&other.credentials()?)).await?;
    refused(&stage, &bad, "other", &proved(&key)).await
}

/// Returns the fields of a login with a user JWT and a signature by its key.
fn proved(key: &str) -> [(&str, &str); 4] {
    [
        ("client.kind", "Leafnode"),
        ("client.method", "jwt"),
        ("identity.principal", key),
        ("identity.strength", "proved"),
    ]
}

async fn start(stage: &Stage, name: &str, remote: Remote<'_>) -> Result<Leafnode> {
    let port = stage.server.leafnode_port()?;
    Leafnode::start(&stage.site, name, port, remote).await
}

/// Returns a remote with a user name and a password.
fn by_password(user: &str) -> Remote<'_> {
    Remote {
        user,
        ..Remote::default()
    }
}

/// Returns a remote with the content of a credentials file.
fn by_credentials(text: &str) -> Remote<'_> {
    Remote {
        credentials: Some(text),
        ..Remote::default()
    }
}

async fn admitted(
    stage: &Stage,
    leafnode: &Leafnode,
    name: &str,
    fields: Fields<'_>,
    neighbour: &mut Neighbour,
) -> Result<()> {
    let joined = leafnode.joins(HERE).await?;
    let decision = stage.host.decision(name).await?;
    ensure!(joined == Joined::Hears, "{joined:?}: {decision:?}");
    expect_fields(&decision, &[("decision", "permit")])?;
    expect_fields(&decision, fields)?;
    neighbour.hears(leafnode).await
}

async fn refused(stage: &Stage, leafnode: &Leafnode, name: &str, fields: Fields<'_>) -> Result<()> {
    let joined = leafnode.joins(HERE).await?;
    let decision = stage.host.decision(name).await?;
    ensure!(
        joined.is_refused_without_reason(),
        "{joined:?}: {decision:?}"
    );
    expect_fields(&decision, &[("decision", "deny")])?;
    expect_fields(&decision, fields)
}
