//! Secrets: the host writes none at any log level.

use anyhow::Result;
use portcullis_harness::{Accounts, Credentials, Host, Release, log_in};
use rstest::rstest;

use crate::support::{
    ALICE, ALICE_PASSWORD, SENSOR, SENSOR_TOKEN, alice, sensor, sensor_site, settings, site_with,
};

const WRONG_PASSWORD: &str = "a-wrong-guess-at-a-password";
const WRONG_TOKEN: &str = "a-wrong-guess-at-a-token";

/// The first characters of every JWT of NATS.
const JWT: &str = "eyJ";

#[rstest]
#[tokio::test]
async fn the_log_holds_no_secret_at_the_most_talkative_level(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let settings = settings(&[alice("").await?, sensor("everything", "").await?]);
    let site = site_with(release, &settings)?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site.write_config("portcullis.toml", &site.host_config(&server.url(), ""))?;
    let mut host = Host::spawn(&config, &["--log-level", "trace"])?;
    host.ready().await?;

    let guess = Credentials::Password("alice", WRONG_PASSWORD);
    let logins = [
        ("desk", ALICE),
        ("roof", SENSOR),
        ("guess", guess),
        ("token-guess", Credentials::Token(WRONG_TOKEN)),
    ];
    for (name, credentials) in logins {
        // The result of the login does not matter, only what the host logs about it.
        drop(log_in(&server.url(), credentials, name).await);
        host.decision(name).await?;
    }
    host.ask_to_stop().await?;
    host.ended().await?;

    let hash = settings
        .split('"')
        .find(|word| word.starts_with("$argon2"))
        .unwrap_or_default();
    let [issuer, callout] = site.keys.seeds()?;
    let secrets = [
        ALICE_PASSWORD,
        SENSOR_TOKEN,
        WRONG_PASSWORD,
        WRONG_TOKEN,
        JWT,
        hash,
        &issuer,
        &callout,
    ];
    for secret in secrets {
        assert!(!secret.is_empty());
        for event in host.log().all() {
            assert!(!event.line().contains(secret), "`{secret}` is in {event:?}");
        }
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_token_is_not_taken_for_a_user_name(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    // Servers before 2.11.7 send the token where later ones send `[REDACTED]`.
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    let host = site.start_host(&server).await?;

    log_in(&server.url(), SENSOR, "roof").await?;

    let decision = host.decision("roof").await?;
    assert!(!decision.line().contains(SENSOR_TOKEN));
    assert_ne!(decision.text("client.user"), SENSOR_TOKEN);
    Ok(())
}
