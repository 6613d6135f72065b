//! User JWTs whose issuer the host trusts, as real servers forward them, and the throttling of
//! repeated failures.

use std::fs;

use anyhow::Result;
use async_nats::ConnectOptions;
use portcullis_harness::{
    Accounts, Built, Credentials, Event, Host, NatsServer, Operator, Release, Resolver, Site,
    Template, User, log_in,
};
use rstest::rstest;

use crate::support::sensor_site;

/// Rules that permit every login with a user JWT.
const EVERYBODY: &str = "[[settings.rules]]\nmatch = { method = \"jwt\" }\n\
                         permit = { account = \"APP\", publish-allow = [\"orders.>\"] }\n";

/// An operator with a trusted callout account, whose JWT the host reads from a file.
struct Trusting {
    operator: Operator,
    site: Site,
    server: NatsServer,
    host: Host,
}

impl Trusting {
    async fn start(release: Release) -> Result<Self> {
        Self::start_with(release, "").await
    }

    /// Starts everything with `line` in the account's table. The account has a role `helpdesk`.
    async fn start_with(release: Release, line: &str) -> Result<Self> {
        let site = Site::create(release)?;
        let mut operator = Operator::new(&["APP"])?;
        operator.callout.add_role("helpdesk", Template::default());
        operator.write(site.path())?;
        fs::write(
            site.path().join("auth.jwt"),
            operator.sign(&operator.callout)?,
        )?;
        let guest = Built::guest("conforms")?;
        site.policies.put_policy("conforms", &guest, EVERYBODY)?;
        let config = operator.server_config(Resolver::Memory, site.path(), "")?;
        let server = site.start_server_with(&config).await?;
        let tables = format!("[identity.accounts.AUTH]\njwt-file = \"auth.jwt\"\n{line}\n");
        let host = site.spawn_host_with(&operator.host_config(&server.url(), &tables))?;
        host.ready().await?;
        Ok(Self {
            operator,
            site,
            server,
            host,
        })
    }

    /// Logs in, and returns the host's decision.
    async fn decide(&self, user: &User, name: &str) -> Result<Event> {
        let options = ConnectOptions::with_credentials(&user.credentials()?)?.name(name);
        // The result of the login does not matter: the decision is in the log.
        drop(options.connect(self.server.url()).await);
        self.host.decision(name).await
    }
}

#[rstest]
#[tokio::test]
async fn an_account_vouches_for_its_users_until_it_revokes_them(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut trusting = Trusting::start(release).await?;
    let alice = trusting.operator.callout.user("alice")?;
    let decision = trusting.decide(&alice, "first").await?;
    assert_eq!(decision.text("decision"), "permit", "{decision:?}");
    assert_eq!(decision.text("identity.strength"), "proved");
    assert_eq!(decision.text("identity.principal"), alice.public_key());
    let account = trusting.operator.callout.public_key();
    assert_eq!(decision.text("identity.issuer"), account);

    let mark = trusting.host.log().len();
    trusting.operator.callout.revoke(&alice.public_key());
    let revoked = trusting.operator.sign(&trusting.operator.callout)?;
    fs::write(trusting.site.path().join("auth.jwt"), revoked)?;
    let read = |event: &Event| event.says("the account's jwt was read");
    trusting.host.wait_from(mark, "the new JWT", read).await?;
    let decision = trusting.decide(&alice, "second").await?;
    assert_eq!(decision.text("denial.class"), "identity-rejected");
    assert_eq!(
        decision.text("denial.reason"),
        "the user JWT was issued before account `AUTH` revoked it"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn the_key_of_a_role_speaks_for_its_account_only_where_it_is_listed(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let trusting = Trusting::start(release).await?;
    let user = trusting
        .operator
        .callout
        .user_in_role("mallory", "helpdesk")?;
    let decision = trusting.decide(&user, "unlisted").await?;
    assert_eq!(
        decision.text("denial.class"),
        "identity-rejected",
        "{decision:?}"
    );
    let reason = decision.text("denial.reason");
    assert!(
        reason.contains("bound to role `helpdesk`, which is not believed"),
        "{reason}"
    );

    let trusting = Trusting::start_with(release, "roles = [\"helpdesk\"]").await?;
    let user = trusting.operator.callout.user_in_role("bob", "helpdesk")?;
    let decision = trusting.decide(&user, "listed").await?;
    assert_eq!(decision.text("decision"), "permit", "{decision:?}");
    assert_eq!(decision.text("identity.role"), "helpdesk");
    let plain = trusting.operator.callout.user("alice")?;
    let decision = trusting.decide(&plain, "plain").await?;
    assert_eq!(decision.text("decision"), "permit", "{decision:?}");
    assert_eq!(decision.text("identity.role"), "");
    Ok(())
}

#[tokio::test]
async fn a_user_who_fails_too_often_is_rejected_and_a_known_one_is_not() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let server = site.start_server(Accounts::Several).await?;
    let tables = "[identity.throttle]\naddress-failures = 2\nuser-failures = 1\nper = \"1h\"\n";
    let host = site.spawn_host(&server, tables)?;
    host.ready().await?;
    let class = async |credentials, name: &str| -> Result<String> {
        drop(log_in(&server.url(), credentials, name).await);
        let decision = host.decision(name).await?;
        Ok(decision.text("denial.class").to_owned())
    };
    assert_eq!(class(crate::support::SENSOR, "known").await?, "");
    let mallory = Credentials::Password("mallory", "guess");
    assert_eq!(class(mallory, "first").await?, "end-of-chain");
    assert_eq!(class(mallory, "second").await?, "throttled");
    // The host summarizes later lines.
    drop(log_in(&server.url(), mallory, "third").await);
    let summed_up =
        |event: &Event| event.says("login throttled") && event.text("client.name") == "third";
    let summed_up = host.wait_for("a line at `debug`", summed_up).await?;
    assert_eq!(summed_up.text("level"), "DEBUG");
    assert!(!host.log().all().iter().any(|event| event.decides("third")));
    let told = |event: &Event| event.says("logins were throttled");
    let told = host.wait_for("how many there were", told).await?;
    assert_eq!(told.number("throttle.refused"), Some(1), "{told:?}");
    assert_eq!(told.text("client.user"), "mallory");
    let token = Credentials::Token("guess");
    assert_eq!(class(token, "token").await?, "end-of-chain");
    let token = Credentials::Token("guess");
    assert_eq!(class(token, "address").await?, "throttled");
    assert_eq!(class(crate::support::SENSOR, "still-known").await?, "");
    let said = |event: &Event| event.says("logins are throttled: too many attempts have failed");
    let said = host.wait_for("the first refusal", said).await?;
    assert_eq!(said.text("throttle.kind"), "user");
    Ok(())
}
