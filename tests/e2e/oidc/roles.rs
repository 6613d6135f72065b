//! The permissions of a client by the roles in its token.

use std::time::Duration;

use anyhow::Result;
use portcullis_harness::{Credentials, ForeignClient, Provider, Release, Step};
use rstest::rstest;
use serde_json::{Value, json};

use super::{HOUR, ROLES, Trusting, claims};
use crate::support::sorted;

#[rstest]
#[tokio::test]
async fn tokens_of_both_flows_are_understood_wherever_a_client_puts_them(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let mut trusting = Trusting::start(release, ROLES, "").await?;
    let roles = claims(&["reader", "stranger", "writer"]);
    let access = trusting.provider.access_token(&roles, HOUR).await?;
    let id = trusting.provider.id_token(&roles, HOUR).await?;
    let bearer = format!("Bearer {access}");
    let cases = [
        (
            "password",
            Credentials::Password("anybody", &access),
            Provider::CLIENT,
        ),
        (
            "bearer",
            Credentials::Password("anybody", &bearer),
            Provider::CLIENT,
        ),
        ("token", Credentials::Token(&id), "alice"),
        (
            "bearer-token",
            Credentials::Token(&bearer),
            Provider::CLIENT,
        ),
    ];
    for (name, credentials, principal) in cases {
        let session = client
            .run(&trusting.server.url(), credentials, name, &[Step::UserInfo])
            .await?;
        let info = session.result(0, "info");
        assert_eq!(info["user"], principal, "{name}: {session:?}");
        assert_eq!(info["account"], "APP");
        assert_eq!(
            sorted(&info["permissions"]),
            json!({
                "publish": { "allow": ["$SYS.REQ.USER.INFO", "orders.*"] },
                "subscribe": { "allow": ["_INBOX.>", "orders.>"], "deny": ["orders.sealed"] },
            })
        );
        let left = Duration::from_nanos(info["expires"].as_u64().unwrap_or_default());
        let hour = Duration::from_hours(1);
        assert!(left <= hour && left > Duration::from_mins(58), "{left:?}");
        let decision = trusting.host.decision(name).await?;
        assert_eq!(decision.text("client.method"), "oidc");
        assert_eq!(decision.text("identity.strength"), "proved");
        assert_eq!(decision.text("identity.principal"), principal);
        assert_eq!(decision.text("identity.issuer"), trusting.provider.issuer());
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn without_a_known_role_a_client_is_in_and_can_do_nothing(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let mut trusting = Trusting::start(release, ROLES, "").await?;
    let token = trusting.token(&["stranger"]).await?;
    let steps = [Step::Publish("orders.new"), Step::Subscribe("orders.new")];

    let credentials = Credentials::Token(&token);
    let session = client
        .run(&trusting.server.url(), credentials, "stranger", &steps)
        .await?;

    assert!(session.refused(0) && session.refused(1), "{session:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_user_without_a_known_role_can_be_refused(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let settings = ROLES.replacen("[settings]", "[settings]\nwithout-role = \"deny\"", 1);
    let mut trusting = Trusting::start(release, &settings, "").await?;
    let token = trusting.token(&["stranger"]).await?;
    let reason = trusting
        .expect(&token, "stranger", Some("policy-denied"))
        .await?;
    assert!(reason.contains("no mapped role"), "{reason}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_login_ends_with_its_token(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let mut trusting = Trusting::start(release, ROLES, "leeway = \"0s\"").await?;
    let token = trusting.provider.access_token(&claims(&[]), 4).await?;

    let credentials = Credentials::Token(&token);
    let steps = [Step::ExpectClosed(Duration::from_secs(30))];
    let session = client
        .run(&trusting.server.url(), credentials, "short", &steps)
        .await?;

    assert_eq!(session.result(0, "closed"), json!(true), "{session:?}");
    if client == ForeignClient::JavaScript {
        // nats-py does not report the reason for the end of a connection.
        let told = session.result(0, "errors").to_string().to_lowercase();
        assert!(told.contains("expired"), "{told}");
    }
    let reason = trusting
        .expect(&token, "again", Some("identity-rejected"))
        .await?;
    assert!(reason.contains("expired"), "{reason}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn any_claim_is_one_token_of_a_subject(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let settings = r#"
        [settings]
        account = "APP"
        [settings.roles.own]
        publish = { allow = ["app.{{claim.team}}.>", "$SYS.REQ.USER.INFO"] }
        subscribe = { allow = ["_INBOX.>"] }
    "#;
    let mut trusting = Trusting::start(release, settings, "").await?;
    let claims = json!({ "roles": ["own"], "team": "*.>" });
    let token = trusting.provider.access_token(&claims, HOUR).await?;
    let session = ForeignClient::Python
        .run(
            &trusting.server.url(),
            Credentials::Token(&token),
            "smuggler",
            &[Step::UserInfo, Step::Publish("app.alice.x")],
        )
        .await?;
    let allowed: Value = session.result(0, "info")["permissions"]["publish"]["allow"].clone();
    assert_eq!(
        sorted(&allowed),
        json!(["$SYS.REQ.USER.INFO", "app.%2A%2E%3E.>"])
    );
    assert!(session.refused(1), "{session:?}");
    Ok(())
}
