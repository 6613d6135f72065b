//! MQTT clients, whose password is a password or a user JWT.

use anyhow::{Result, ensure};
use portcullis_tests::{MqttAnswer, Operator, Release, Resolver, Site, mqtt_log_in};

use crate::rules::Rule;
use crate::stage::{Config, Extra, Stage, mqtt};

/// The user name of every login here.
const USER: &str = "ignored";
/// A password that no server takes for a JWT.
const OPAQUE: &str = "external-jwt-or-token";

/// A password that is a user JWT arrives as one.
pub(super) async fn user_jwt(release: Release) -> Result<()> {
    // In config mode no server looks at who signed it.
    let user = Operator::new(&[])?.callout.user("sensor")?;
    let rule = Rule::password(USER, user.jwt()).method("jwt");
    let stage = config_mode(release, rule).await?;
    accepts(&stage, "sensor", user.jwt(), "jwt").await?;
    refuses(&stage, "stranger", OPAQUE).await
}

/// Any other password arrives as a password, and no JWT does.
pub(super) async fn opaque_password(release: Release) -> Result<()> {
    let rule = Rule::password(USER, OPAQUE).method("password");
    let stage = config_mode(release, rule).await?;
    accepts(&stage, "sensor", OPAQUE, "password").await?;
    refuses(&stage, "stranger", "wrong").await
}

/// In operator mode the sentinel of those who present none stands beside such a password.
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

/// A server for MQTT whose clients `rule` lets in.
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
