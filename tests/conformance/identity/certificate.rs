//! TLS certificates, which servers verify.

use anyhow::Result;
use portcullis_harness::{Authority, ForeignClient, Login, Release};

use super::visit::{BOTH, Fields, Visitor, lets_in};
use crate::certified::Certified;
use crate::rules::Rule;

/// The subject of the certificate that the rule permits.
const SUBJECT: &str = "CN=gateway";
/// The issuer of every certificate in this module.
const ISSUER: &str = "CN=Portcullis tests";

/// Verifies that a certificate alone identifies a client. The server refuses a certificate of a
/// different authority without asking the host.
pub(super) async fn over_tls(release: Release) -> Result<()> {
    let certified = Certified::start(release, &[rule()]).await?;
    let url = certified.stage.server.url();
    for client in BOTH {
        alone(&certified, client, &url, "nats").await?;
    }
    Ok(())
}

/// Verifies logins by certificate over WebSocket.
pub(super) async fn over_websocket(release: Release) -> Result<()> {
    let certified = Certified::start(release, &[rule()]).await?;
    let url = certified.stage.server.websocket_url()?;
    alone(&certified, ForeignClient::JavaScript, &url, "websocket").await
}

/// Verifies logins by certificate over MQTT.
pub(super) async fn over_mqtt(release: Release) -> Result<()> {
    let certified = Certified::start(release, &[rule()]).await?;
    let url = certified.stage.server.mqtt_url()?;
    alone(&certified, ForeignClient::Mqtt, &url, "mqtt").await
}

/// Verifies that a password takes precedence over a certificate.
pub(super) async fn beside_password(release: Release) -> Result<()> {
    let rule = lets_in(Rule::password("alice", "wonderland"), "FOO");
    let Certified { stage, authority } = Certified::start(release, &[rule]).await?;
    let certificate = authority.issue("gateway")?;
    let fields: Fields<'_> = &[
        ("client.method", "password"),
        ("client.transport", "nats"),
        ("identity.principal", "alice"),
        ("identity.strength", "claimed"),
        ("identity.issuer", ""),
    ];
    for client in BOTH {
        let visitor = Visitor {
            stage: &stage,
            client,
            url: &stage.server.url(),
            account: "FOO",
        };
        let (good, bad) = (format!("{client:?}"), format!("{client:?}-wrong"));
        let login = |password| {
            Login::password("alice", password).over_tls(&authority.file, Some(&certificate))
        };
        visitor.admits(&login("wonderland"), &good, fields).await?;
        visitor.refuses(&login("wrong"), &bad, fields).await?;
    }
    Ok(())
}

fn rule() -> Rule {
    lets_in(Rule::certificate(SUBJECT), "FOO")
}

async fn alone(
    certified: &Certified,
    client: ForeignClient,
    url: &str,
    transport: &str,
) -> Result<()> {
    let Certified { stage, authority } = certified;
    let visitor = Visitor {
        stage,
        client,
        url,
        account: "FOO",
    };
    let login = |by: &Authority, name: &str| {
        let certificate = by.issue(name)?;
        anyhow::Ok(Login::default().over_tls(&authority.file, Some(&certificate)))
    };
    let named = |name: &str| format!("{client:?}-{name}");
    let fields = |subject| {
        [
            ("client.method", "certificate"),
            ("client.transport", transport),
            ("identity.principal", subject),
            ("identity.strength", "proved"),
            ("identity.issuer", ISSUER),
        ]
    };
    let good = login(authority, "gateway")?;
    let known = named("known");
    match client {
        ForeignClient::Mqtt => visitor.admits_mqtt(&good, &known, &fields(SUBJECT)).await?,
        _ => visitor.admits(&good, &known, &fields(SUBJECT)).await?,
    }
    let bad = login(authority, "stranger")?;
    visitor
        .refuses(&bad, &named("stranger"), &fields("CN=stranger"))
        .await?;
    let impostors = Authority::create(&stage.site.path().join("impostors"))?;
    let impostor = login(&impostors, "gateway")?;
    visitor.server_refuses(&impostor, &named("impostor")).await
}
