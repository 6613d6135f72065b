//! MQTT, in config mode.

use anyhow::Result;
use portcullis_tests::{ForeignClient, Login, Operator, Release, Site};

use super::visit::{Fields, Visitor, lets_in};
use crate::rules::Rule;
use crate::stage::{Config, Stage, mqtt};

/// A user name and a password. Servers put the password into two or three places; it is one all the same.
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

/// A bearer JWT is a JWT, although it comes as a password. In config mode nobody has looked at who signed it.
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

/// Two logins: the first has to work, the second has not.
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
