//! Operator mode, where every client has a user JWT.

use anyhow::Result;
use portcullis_harness::{ForeignClient, Login, Operator, Release, Resolver, Site, User};

use super::visit::{BOTH, Fields, Visitor, lets_in};
use crate::rules::Rule;
use crate::stage::{Extra, Stage, mqtt as mqtt_blocks};

/// A listener for browsers, which send the JWT in a cookie.
const COOKIE: &str = "websocket { listen: \"127.0.0.1:-1\", no_tls: true, jwt_cookie: jwt }";

/// An operator, a server, and a host that decides its logins.
struct World {
    operator: Operator,
    stage: Stage,
    /// The public key of the account `APP`.
    account: String,
}

impl World {
    async fn start(
        release: Release,
        rule: Rule,
        server: impl FnOnce(&Site) -> String,
    ) -> Result<Self> {
        let mut operator = Operator::new(&["APP"])?;
        operator.account_mut("APP")?.use_jetstream();
        let site = Site::create(release)?;
        let extra = Extra {
            server: &server(&site),
            ..Extra::default()
        };
        let rules = [lets_in(rule, "APP")];
        let stage = Stage::operator_at(site, &operator, Resolver::Memory, &rules, extra).await?;
        let account = operator.account("APP")?.public_key();
        Ok(Self {
            operator,
            stage,
            account,
        })
    }

    fn visitor<'a>(&'a self, client: ForeignClient, url: &'a str) -> Visitor<'a> {
        Visitor {
            stage: &self.stage,
            client,
            url,
            account: &self.account,
        }
    }
}

/// Verifies that a credentials file proves to hold the key of its JWT. The server itself refuses a
/// user of a different operator.
pub(super) async fn credentials(release: Release) -> Result<()> {
    let world = World::start(release, Rule::anybody().name_tag("robot"), |_| {
        String::new()
    })
    .await?;
    let (robot, other) = (
        world.operator.callout.user("robot")?,
        world.operator.callout.user("other")?,
    );
    let foreign = Operator::new(&[])?.callout.user("robot")?;
    let url = world.stage.server.url();
    for client in BOTH {
        let visitor = world.visitor(client, &url);
        let named = |name: &str| format!("{client:?}-{name}");
        let login = |user: &User| anyhow::Ok(Login::credentials(&user.credentials()?));
        visitor
            .admits(
                &login(&robot)?,
                &named("good"),
                &proved(&robot.public_key()),
            )
            .await?;
        visitor
            .refuses(
                &login(&other)?,
                &named("other"),
                &proved(&other.public_key()),
            )
            .await?;
        visitor
            .server_refuses(&login(&foreign)?, &named("foreign"))
            .await?;
    }
    Ok(())
}

/// Verifies that a token takes precedence over the credentials that all clients share, which are a
/// sentinel.
pub(super) async fn token(release: Release) -> Result<()> {
    let world = World::start(release, Rule::token("open-sesame"), |_| String::new()).await?;
    let shared = world.operator.sentinel.credentials()?;
    let url = world.stage.server.url();
    for client in BOTH {
        let visitor = world.visitor(client, &url);
        let (good, bad) = (format!("{client:?}"), format!("{client:?}-wrong"));
        let login = |token| Login::credentials(&shared).and_token(token);
        visitor.admits(&login("open-sesame"), &good, TOKEN).await?;
        visitor.refuses(&login("open-barley"), &bad, TOKEN).await?;
    }
    Ok(())
}

/// Verifies a login with only a bearer JWT in a cookie. The server has verified the JWT, but the
/// client has not proved to hold its key.
pub(super) async fn jwt_cookie(release: Release) -> Result<()> {
    let world = World::start(release, Rule::anybody().name_tag("page"), |_| {
        COOKIE.to_owned()
    })
    .await?;
    let url = world.stage.server.websocket_url()?;
    let visitor = world.visitor(ForeignClient::JavaScript, &url);
    let login = |name| {
        let user = world.operator.callout.sentinel(name)?;
        anyhow::Ok(Login::default().cookies(&[("jwt", user.jwt())]))
    };
    let fields = bearer("websocket");
    visitor.admits(&login("page")?, "page", &fields).await?;
    visitor.refuses(&login("other")?, "other", &fields).await
}

/// Verifies a login with a token in CONNECT and the sentinel in a cookie.
pub(super) async fn token_behind_cookie(release: Release) -> Result<()> {
    let rule = Rule::token("open-sesame");
    let world = World::start(release, rule, |_| COOKIE.to_owned()).await?;
    let url = world.stage.server.websocket_url()?;
    let visitor = world.visitor(ForeignClient::JavaScript, &url);
    let sentinel = world.operator.sentinel.jwt();
    let login = |token| Login::token(token).cookies(&[("jwt", sentinel)]);
    visitor.admits(&login("open-sesame"), "page", TOKEN).await?;
    visitor.refuses(&login("open-barley"), "other", TOKEN).await
}

/// Verifies a login with a bearer JWT as the password of an MQTT client.
pub(super) async fn mqtt(release: Release) -> Result<()> {
    let world = World::start(release, Rule::anybody().name_tag("sensor"), mqtt_blocks).await?;
    let url = world.stage.server.mqtt_url()?;
    let visitor = world.visitor(ForeignClient::Mqtt, &url);
    let account = &world.operator.callout;
    let login = |user: &User| Login::password("ignored", user.jwt());
    let (sensor, other) = (account.sentinel("sensor")?, account.sentinel("other")?);
    let foreign = Operator::new(&[])?.callout.sentinel("sensor")?;
    let fields = bearer("mqtt");
    visitor
        .admits_mqtt(&login(&sensor), "thermometer", &fields)
        .await?;
    visitor.refuses(&login(&other), "other", &fields).await?;
    visitor.server_refuses(&login(&foreign), "foreign").await
}

/// The fields of a login with a token and a sentinel.
const TOKEN: Fields<'_> = &[
    ("client.kind", "Client"),
    ("client.method", "token"),
    ("identity.principal", ""),
    ("identity.strength", "claimed"),
];

/// Returns the fields of a login with a user JWT and a signature by its key.
fn proved(key: &str) -> [(&str, &str); 4] {
    [
        ("client.transport", "nats"),
        ("client.method", "jwt"),
        ("identity.principal", key),
        ("identity.strength", "proved"),
    ]
}

/// Returns the fields of a login with a user JWT and no signature.
const fn bearer(transport: &str) -> [(&str, &str); 4] {
    [
        ("client.transport", transport),
        ("client.method", "jwt"),
        ("identity.principal", ""),
        ("identity.strength", "claimed"),
    ]
}
