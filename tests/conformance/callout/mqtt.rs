//! MQTT clients, whose password field holds a password or a user JWT.

use anyhow::{Result, ensure};
use portcullis_harness::{MqttAnswer, Operator, Release, Resolver, Site, mqtt_log_in};

use crate::rules::Rule;
use crate::stage::{Config, Extra, Stage, mqtt};

/// The user name of every login in this module.
const USER: &str = "ignored";
/// A password that no server takes for a JWT.
const OPAQUE: &str = "external-jwt-or-token";

/// Verifies that a user JWT in the password field arrives as a JWT.
pub(super) async fn user_jwt(release: Release) -> Result<()> {
    // In config mode, no server verifies the signer.
    let user = Operator::new(&[])?.callout.user("sensor")?;
    let rule = Rule::password(USER, user.jwt()).method("jwt");
    let stage = config_mode(release, rule).await?;
    accepts(&stage, "sensor", user.jwt(), "jwt").await?;
    refuses(&stage, "stranger", OPAQUE).await
}

/// Verifies that any other password arrives as a password, and that a JWT does not.
pub(super) async fn opaque_password(release: Release) -> Result<()> {
    let rule = Rule::password(USER, OPAQUE).method("password");
    let stage = config_mode(release, rule).await?;
    accepts(&stage, "sensor", OPAQUE, "password").await?;
    refuses(&stage, "stranger", "wrong").await
}

/// Verifies such a password in operator mode, where the default sentinel accompanies it.
pub(super) async fn default_sentinel(release: Release) -> Result<()> {
    let mut operator = Operator::new(&["TEST"])?;
    operator.account_mut("TEST")?.use_jetstream();
    operator.has_default_sentinel = true;
    let rules = [Rule::password(USER, OPAQUE)
        .method("password")
        .name_tag("sentinel")
        .permits("TEST")
        .named("mqtt")
        .everything()];
    let site = Site::create(release)?;
    let extra = Extra {
        server: &mqtt(&site),
        ..Extra::default()
    };
    let stage = Stage::operator_at(site, &operator, Resolver::Memory, &rules, extra).await?;
    accepts(&stage, "sensor", OPAQUE, "password").await?;
    refuses(&stage, "stranger", "wrong").await
}

/// Starts a server for MQTT whose clients `rule` permits.
async fn config_mode(release: Release, rule: Rule) -> Result<Stage> {
    let site = Site::create(release)?;
    let top = mqtt(&site);
    let config = Config {
        top: &top,
        ..Config::GLOBAL
    };
    Stage::at(site, config, &[rule.permits("$G").everything()]).await
}

async fn accepts(stage: &Stage, id: &str, password: &str, method: &str) -> Result<()> {
    let answer = mqtt_log_in(stage.server.mqtt_port()?, id, USER, password).await?;
    let decision = stage.host.decision(id).await?;
    ensure!(answer == MqttAnswer::Accepted, "{answer:?}: {decision:?}");
    ensure!(
        decision.text("client.transport") == "mqtt",
        "another transport: {decision:?}"
    );
    ensure!(
        decision.text("client.method") == method,
        "another method: {decision:?}"
    );
    Ok(())
}

async fn refuses(stage: &Stage, id: &str, password: &str) -> Result<()> {
    let answer = mqtt_log_in(stage.server.mqtt_port()?, id, USER, password).await?;
    let decision = stage.host.decision(id).await?;
    ensure!(
        answer == MqttAnswer::NotAuthorized,
        "{answer:?}: {decision:?}"
    );
    Ok(())
}
