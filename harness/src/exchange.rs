//! The token exchange: a provider, a server in operator mode, and a host between the two.

use anyhow::{Result, ensure};
use nats_token::format_user_config;
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::{
    Built, ForeignClient, Host, Login, NatsServer, Operator, Page, Provider, Release, Resolver,
    Site, Step, ask,
};

/// The lifetime of a token that must not expire, in seconds.
const HOUR: u32 = 3600;

/// The settings of the policy: users with the scope `orders:read`, with `admin:write`, and users
/// that servers admit from another network only.
const SETTINGS: &str = r#"
[settings]
account-claim = "account"
default-account = "APP"

[settings.scopes."orders:read"]
publish = { allow = ["$SYS.REQ.USER.INFO"] }
subscribe = { allow = ["orders.>", "_INBOX.>"], deny = ["orders.sealed"] }

[settings.scopes."admin:write"]
publish = { allow = ["$SYS.REQ.USER.INFO"] }
subscribe = { allow = ["_INBOX.>"] }

[settings.scopes."elsewhere"]
publish = { allow = ["$SYS.REQ.USER.INFO"] }
subscribe = { allow = ["_INBOX.>"] }
sources = ["192.0.2.0/24"]
"#;

/// A provider, a server in operator mode with the accounts `APP` and `OTHER`, and a host that
/// exchanges the provider's tokens for user JWTs.
#[derive(Debug)]
pub struct Exchange {
    /// The issuer of tokens.
    pub provider: Provider,
    /// The operator of the server's accounts.
    pub operator: Operator,
    /// The server.
    pub server: NatsServer,
    /// The host.
    pub host: Host,
    /// The host and port at which the host exchanges tokens.
    pub address: String,
    /// The directory of all of them.
    pub site: Site,
    config: String,
}

impl Exchange {
    /// Starts all of them, and waits until the host takes requests and logins.
    ///
    /// # Errors
    ///
    /// Fails if one of them does not start.
    pub async fn start(release: Release) -> Result<Self> {
        Self::deciding(release, "scopes", SETTINGS).await
    }

    /// Starts all of them, with a host that decides with the ready policy `name`.
    ///
    /// # Errors
    ///
    /// Fails if one of them does not start.
    pub async fn deciding(release: Release, name: &str, settings: &str) -> Result<Self> {
        Self::deciding_with(release, name, settings, "").await
    }

    /// Starts all of them as [`Self::deciding`] does. `tables` are appended to the configuration of
    /// the host.
    ///
    /// # Errors
    ///
    /// Fails if one of them does not start.
    pub async fn deciding_with(
        release: Release,
        name: &str,
        settings: &str,
        tables: &str,
    ) -> Result<Self> {
        let provider = Provider::start().await?;
        let site = Site::create(release)?;
        let operator = Operator::new(&["APP", "OTHER"])?;
        operator.write(site.path())?;
        let policy = Built::policy(name)?;
        site.policies.put_policy(name, &policy, settings)?;
        let config = operator.server_config(Resolver::Memory, site.path(), "")?;
        let server = site.start_server_with(&config).await?;
        let extra = format!(
            "[exchange]\nlisten = \"127.0.0.1:0\"\n\
             [identity.issuers.company]\nissuer = \"{}\"\naudiences = [\"{}\"]\n{tables}",
            provider.issuer(),
            Provider::AUDIENCE
        );
        let config = operator.host_config(&server.url(), &extra);
        let host = site.spawn_host_with(&config)?;
        let address = host.says("tokens exchanged").await?;
        let address = address.text("exchange.address").to_owned();
        host.ready().await?;
        Ok(Self {
            provider,
            operator,
            server,
            host,
            address,
            site,
            config,
        })
    }

    /// Starts a further host with the same configuration, and waits until it takes logins.
    ///
    /// # Errors
    ///
    /// Fails if the host does not start.
    pub async fn another_host(&self) -> Result<Host> {
        let host = self.site.spawn_host_with(&self.config)?;
        host.ready().await?;
        Ok(host)
    }

    /// Returns the base address of the exchange.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests a token of the provider with this scope, which does not expire during a test.
    ///
    /// # Errors
    ///
    /// Fails if the provider issues none.
    pub async fn token(&mut self, scope: &str) -> Result<String> {
        let claims = json!({ "scp": scope });
        self.provider.access_token(&claims, HOUR).await
    }

    /// Sends the request of Go connect v0.11.4, as Go's HTTP client writes it.
    ///
    /// # Errors
    ///
    /// Fails if the exchange does not answer.
    pub async fn connect_request(&self, path: &str, token: &str, nkey: &str) -> Result<Page> {
        let body = json!({ "user_pub_key": nkey, "user_name": "go-host" }).to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\n\
             Host: {}\r\n\
             User-Agent: Overmind/0.1 (linux/amd64)\r\n\
             Content-Length: {}\r\n\
             Accept: application/jwt\r\n\
             Authorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n\
             Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
             Accept-Encoding: gzip\r\n\
             Connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        ask(&self.address, &request).await
    }

    /// Sends JSON to a route of Portcullis' own.
    ///
    /// # Errors
    ///
    /// Fails if the exchange does not answer.
    pub async fn own_request(&self, path: &str, token: &str, body: &Value) -> Result<Page> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
             Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        ask(&self.address, &request).await
    }

    /// Returns the permissions of a user JWT as the server shows them to nats-py.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses the login.
    pub async fn user_info(&self, jwt: &str, key: &KeyPair) -> Result<Value> {
        let login = Login::credentials(&format_user_config(jwt, &key.seed()?)?);
        let python = ForeignClient::Python;
        let url = self.server.url();
        let session = python
            .run(&url, login, "exchanged", &[Step::UserInfo])
            .await?;
        ensure!(session.connected, "{session:?}");
        Ok(session.result(0, "info"))
    }

    /// Exchanges `token` for a user JWT, and returns a credentials file with it.
    ///
    /// # Errors
    ///
    /// Fails if the exchange refuses.
    pub async fn credentials(&self, token: &str) -> Result<String> {
        let key = KeyPair::new_user();
        let nkey = key.public_key();
        let page = self.connect_request("/core/tokens", token, &nkey).await?;
        ensure!(page.status == 201, "{page:?}");
        Ok(format_user_config(&page.content, &key.seed()?)?)
    }
}
