//! Refusals: the messages of clients, and the answers that servers reject themselves.

use anyhow::Result;
use nkeys::KeyPair;
use portcullis_harness::{Release, unix_now};

use crate::rules::Rule;
use crate::stage::{Config, Stage, expect_reason, next, password};
use crate::wrong_answers::{Asked, Draft, Faulty};

/// A server with an account for clients.
const FOO: Config<'_> = Config {
    accounts: "  FOO: {}",
    targets: &["FOO"],
    ..Config::GLOBAL
};

/// Verifies that an answer with an error refuses the client.
pub(super) async fn error_response(release: Release) -> Result<()> {
    let config = Config {
        host: "deny = { default = \"error\" }",
        ..FOO
    };
    let stage = Stage::config(release, config, &[Rule::anybody().denies("BAD AUTH")]).await?;
    let mut errors = stage.auth_errors().await?;
    stage.refuses(&password("dlc", "zzz")).await?;
    expect_reason(&next(&mut errors).await?, "BAD AUTH")
}

/// Verifies that a wrong password of the callout's own user does not reach the callout.
pub(super) async fn auth_user_fails(release: Release) -> Result<()> {
    let rules = [Rule::anybody().permits("FOO").everything()];
    let stage = Stage::config(release, FOO, &rules).await?;
    stage.refuses(&password("observer", "zzz")).await?;
    // A later login of a different user shows that the host would have decided the first one by
    // now.
    stage.admits(&password("other", "zzz")).await?;
    stage.host.decision("other").await?;
    stage.decided(1).await
}

/// Verifies that a refused client gets an error, both for an empty answer and for one with an
/// error.
pub(super) async fn client_error(release: Release) -> Result<()> {
    for mode in ["empty", "error"] {
        let deny = format!("deny = {{ default = \"{mode}\" }}");
        let config = Config { host: &deny, ..FOO };
        let stage = Stage::config(release, config, &[Rule::anybody().denies("not today")]).await?;
        stage.refuses(&password("a", "x")).await?;
    }
    Ok(())
}

/// Verifies that servers and the host reject an answer for a different server.
pub(super) async fn bad_server(release: Release) -> Result<()> {
    let wrong = |asked: &Asked| Draft {
        server: KeyPair::new_server().public_key(),
        ..Draft::good(asked)
    };
    Faulty::answers(release, wrong, "response is not for server").await
}

/// Verifies that servers and the host reject an answer about a different user.
pub(super) async fn bad_user(release: Release) -> Result<()> {
    let wrong = |asked: &Asked| Draft {
        user: KeyPair::new_user().public_key(),
        ..Draft::good(asked)
    };
    Faulty::answers(release, wrong, "not for expected user").await
}

/// Verifies that servers and the host reject a user that has expired already.
pub(super) async fn expired_user(release: Release) -> Result<()> {
    let wrong = |asked: &Asked| Draft {
        user_expires: Some(unix_now() - 60),
        ..Draft::good(asked)
    };
    Faulty::answers(release, wrong, "claim is expired").await
}

/// Verifies that servers and the host reject an answer that has expired already.
pub(super) async fn expired_response(release: Release) -> Result<()> {
    let wrong = |asked: &Asked| Draft {
        response_expires: Some(unix_now() - 60),
        ..Draft::good(asked)
    };
    Faulty::answers(release, wrong, "claim is expired").await
}
