//! Tokens of a real identity provider, from the provider to the client's permissions.

mod keys;
mod refusals;
mod roles;
mod texts;

use anyhow::Result;
use portcullis_harness::{
    Accounts, Built, Credentials, Event, Host, NatsServer, Provider, Release, Site,
};
use serde_json::{Value, json};

/// The lifetime of a token that must not expire, in seconds.
const HOUR: u32 = 3600;

/// The roles of planmdk's callout.
const ROLES: &str = r#"
[settings]
account = "APP"

[settings.roles.reader]
subscribe = { allow = ["orders.>", "_INBOX.>"], deny = ["orders.sealed"] }

[settings.roles.writer]
publish = { allow = ["orders.*", "$SYS.REQ.USER.INFO"] }
subscribe = { allow = ["_INBOX.>"] }
"#;

/// A provider, and a server whose logins a host decides by the provider's tokens.
struct Trusting {
    provider: Provider,
    server: NatsServer,
    host: Host,
    site: Site,
}

impl Trusting {
    /// Starts everything with `oidc-roles` and these settings. `lines` are added to the issuer's
    /// table.
    async fn start(release: Release, settings: &str, lines: &str) -> Result<Self> {
        Self::start_with(Provider::start().await?, release, settings, lines).await
    }

    /// Starts everything with an existing provider, `oidc-roles` and these settings. `lines` are
    /// added to the issuer's table.
    async fn start_with(
        provider: Provider,
        release: Release,
        settings: &str,
        lines: &str,
    ) -> Result<Self> {
        let policy = Built::policy("oidc-roles")?;
        let put = |site: &Site, _: &str| site.policies.put_policy("roles", &policy, settings);
        Self::start_policies(provider, release, put, lines).await
    }

    /// Starts everything with an existing provider and the policies that `put` writes for its
    /// issuer. `lines` are added to the issuer's table.
    async fn start_policies(
        provider: Provider,
        release: Release,
        put: impl FnOnce(&Site, &str) -> Result<()>,
        lines: &str,
    ) -> Result<Self> {
        let site = Site::create(release)?;
        put(&site, provider.issuer())?;
        let server = site.start_server(Accounts::Several).await?;
        let table = issuer_table("company", provider.issuer(), lines);
        // A busy machine takes minutes to prove a Cedar engine, because new versions have a low
        // priority while others serve.
        let extra = format!("load-timeout = \"5m\"\n{table}");
        let host = site.spawn_host(&server, &extra)?;
        host.ready().await?;
        Ok(Self {
            provider,
            server,
            host,
            site,
        })
    }

    /// Requests an access token for a client with these roles.
    async fn token(&mut self, roles: &[&str]) -> Result<String> {
        self.provider.access_token(&claims(roles), HOUR).await
    }

    /// Logs in with a token in the password field, and returns the host's decision.
    async fn decide(&self, token: &str, name: &str) -> Result<Event> {
        let credentials = Credentials::Password("anybody", token);
        // The result of the login does not matter: the decision is in the log.
        drop(portcullis_harness::log_in(&self.server.url(), credentials, name).await);
        self.host.decision(name).await
    }

    /// Logs in with a token. Verifies that the login is permitted, or denied as `class`, and
    /// returns the reason of the denial.
    async fn expect(&self, token: &str, name: &str, class: Option<&str>) -> Result<String> {
        let decision = self.decide(token, name).await?;
        let expected = class.map_or("permit", |_| "deny");
        assert_eq!(decision.text("decision"), expected, "{decision:?}");
        assert_eq!(
            decision.text("denial.class"),
            class.unwrap_or_default(),
            "{decision:?}"
        );
        Ok(decision.text("denial.reason").to_owned())
    }
}

/// Returns the table of an issuer in the host's configuration.
pub(crate) fn issuer_table(name: &str, issuer: &str, lines: &str) -> String {
    let audiences = [Provider::AUDIENCE, Provider::CLIENT];
    format!(
        "[identity.issuers.{name}]\nissuer = \"{issuer}\"\naudiences = {audiences:?}\n{lines}\n"
    )
}

fn claims(roles: &[&str]) -> Value {
    json!({ "roles": roles, "email": "alice@example.com" })
}
