//! MQTT, in config mode.

use anyhow::Result;
use portcullis_harness::{ForeignClient, Login, Operator, Release, Site};

use super::visit::{Fields, Visitor, lets_in};
use crate::rules::Rule;
use crate::stage::{Config, Stage, mqtt};

/// Verifies a login with a user name and a password. Servers copy the password into two or three
/// fields, but it counts as one.
pub(super) async fn password(release: Release) -> Result<()> {
    let fields: Fields<'_> = &[
        ("client.kind", "Client"),
        ("client.transport", "mqtt"),
        ("client.method", "password"),
        ("client.user", "sensor"),
        ("identity.principal", "sensor"),
        ("identity.strength", "claimed"),
    ];
    let logins = ["humid", "wrong"].map(|password| Login::password("sensor", password));
    visit(
        release,
        Rule::password("sensor", "humid"),
        logins,
        [fields, fields],
    )
    .await
}

/// Verifies that a bearer JWT in the password field counts as a JWT. In config mode, no server has
/// verified its signer.
pub(super) async fn user_jwt(release: Release) -> Result<()> {
    let bearer = Operator::new(&[])?.callout.sentinel("sensor")?;
    let fields: Fields<'_> = &[
        ("client.transport", "mqtt"),
        ("client.method", "jwt"),
        ("identity.principal", ""),
        ("identity.strength", "claimed"),
        ("identity.issuer", ""),
    ];
    let wrong: Fields<'_> = &[("client.transport", "mqtt"), ("client.method", "password")];
    let logins = [bearer.jwt(), "wrong"].map(|password| Login::password("sensor", password));
    let rule = Rule::password("sensor", bearer.jwt()).method("jwt");
    visit(release, rule, logins, [fields, wrong]).await
}

/// Logs in with both logins: the first must be accepted, and the second refused.
async fn visit(
    release: Release,
    rule: Rule,
    logins: [Login; 2],
    fields: [Fields<'_>; 2],
) -> Result<()> {
    let site = Site::create(release)?;
    let top = mqtt(&site);
    let config = Config {
        top: &top,
        ..Config::GLOBAL
    };
    let stage = Stage::at(site, config, &[lets_in(rule, "$G")]).await?;
    let visitor = Visitor {
        stage: &stage,
        client: ForeignClient::Mqtt,
        url: &stage.server.mqtt_url()?,
        account: "$G",
    };
    let ([good, bad], [permitted, denied]) = (logins, fields);
    visitor.admits_mqtt(&good, "thermometer", permitted).await?;
    visitor.refuses(&bad, "stranger", denied).await
}
