//! A server, a host that answers its requests, and helpers for logins.

use anyhow::{Context, Result, bail, ensure};
use async_nats::{Client, ConnectOptions, Subscriber};
use futures::StreamExt;
use portcullis_harness::{
    Answer, Built, Credentials, Event, Host, NatsServer, Operator, Release, Resolver, Site, Wire,
    log_in, login_options, plain_hashes,
};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::rules::{Rule, settings};

/// The name of the policy.
const POLICY: &str = "conforms";
/// The subject of the server's events about refused logins.
pub(crate) const AUTH_ERROR: &str = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";
/// The subject of a connection's request for its own user.
const USER_INFO: &str = "$SYS.REQ.USER.INFO";
/// The time after which a message counts as lost: longer than any message takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The parts of a configuration of a server in config mode, as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config<'a> {
    /// Accounts in addition to `AUTH`. If this is empty, `AUTH` does not exist, and all users are
    /// in `$G`.
    pub(crate) accounts: &'a str,
    /// Accounts that the host may place users in.
    pub(crate) targets: &'a [&'a str],
    /// Settings at the top level of the configuration.
    pub(crate) top: &'a str,
    /// Settings in the `authorization` block.
    pub(crate) authorization: &'a str,
    /// Settings in the `auth_callout` block.
    pub(crate) callout: &'a str,
    /// Settings in the host's table `nats`.
    pub(crate) nats: &'a str,
    /// Settings in the host's table `callout`.
    pub(crate) host: &'a str,
}

/// A server and a host that decides its logins.
pub(crate) struct Stage {
    pub(crate) server: NatsServer,
    pub(crate) host: Host,
    /// The site, which is removed with the stage.
    pub(crate) site: Site,
}

/// Additional settings of a row in operator mode.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extra<'a> {
    /// Settings of the server's configuration.
    pub(crate) server: &'a str,
    /// Settings of the host's table `callout`.
    pub(crate) host: &'a str,
}

impl Config<'_> {
    /// A configuration with all users in `$G`.
    pub(crate) const GLOBAL: Self = Config {
        accounts: "",
        targets: &["$G"],
        top: "",
        authorization: "",
        callout: "",
        nats: "",
        host: "",
    };

    /// Returns the server's configuration.
    pub(crate) fn server(&self, site: &Site) -> String {
        let Config {
            accounts,
            top,
            authorization,
            callout,
            ..
        } = self;
        let (issuer, host) = (
            site.keys.issuer.public_key(),
            site.keys.callout.public_key(),
        );
        let (observer, password) = Site::OBSERVER;
        let users = format!("{{ nkey: {host} }}, {{ user: {observer}, password: \"{password}\" }}");
        let (accounts, users, account) = if accounts.is_empty() {
            (
                String::new(),
                format!("users: [ {users}, {authorization} ]"),
                "",
            )
        } else {
            (
                format!("accounts {{\n  AUTH: {{ users: [ {users} ] }}\n{accounts}\n}}"),
                (*authorization).to_owned(),
                "account: AUTH",
            )
        };
        format!(
            "server_name: A\n{top}\n{accounts}\n\
             authorization {{\n  timeout: 5\n  {users}\n\
             \x20 auth_callout {{ issuer: {issuer}, auth_users: [ {host}, {observer} ], {account}\n  {callout} }}\n\
             }}\n"
        )
    }

    /// Returns the host's configuration.
    fn host(&self, url: &str) -> String {
        let account = if self.accounts.is_empty() {
            "$G"
        } else {
            "AUTH"
        };
        let Config {
            targets,
            nats,
            host,
            ..
        } = self;
        format!(
            r#"
[nats]
servers = ["{url}"]
nkey-seed-file = "keys/callout.nk"
{nats}
[callout]
issuer-seed-file = "keys/issuer.nk"
target-accounts = {targets:?}
account = "{account}"
system-account = "SYS"
{host}
[policies]
directory = "policies"
debounce = "50ms"
{}
"#,
            plain_hashes(&[POLICY])
        )
    }
}

impl Stage {
    /// Starts a server in config mode, and a host.
    pub(crate) async fn config(
        release: Release,
        config: Config<'_>,
        rules: &[Rule],
    ) -> Result<Self> {
        Self::at(Site::create(release)?, config, rules).await
    }

    /// Starts a server in config mode, and a host, at an existing site.
    pub(crate) async fn at(site: Site, config: Config<'_>, rules: &[Rule]) -> Result<Self> {
        put_policy(&site, rules)?;
        let server = site.start_server_with(&config.server(&site)).await?;
        let host = site.spawn_host_with(&config.host(&server.url()))?;
        host.ready().await?;
        Ok(Self { server, host, site })
    }

    /// Starts a server in operator mode, and a host.
    pub(crate) async fn operator(
        release: Release,
        operator: &Operator,
        resolver: Resolver,
        rules: &[Rule],
    ) -> Result<Self> {
        let site = Site::create(release)?;
        Self::operator_at(site, operator, resolver, rules, Extra::default()).await
    }

    /// Starts a server in operator mode, and a host, at an existing site and with additional
    /// settings.
    pub(crate) async fn operator_at(
        site: Site,
        operator: &Operator,
        resolver: Resolver,
        rules: &[Rule],
        extra: Extra<'_>,
    ) -> Result<Self> {
        put_policy(&site, rules)?;
        operator.write(site.path())?;
        let config = operator.server_config(resolver, site.path(), extra.server)?;
        let server = site.start_server_with(&config).await?;
        let config = operator.host_config(&server.url(), &plain_hashes(&[POLICY]));
        let config = config.replace("[callout]\n", &format!("[callout]\n{}\n", extra.host));
        let host = site.spawn_host_with(&config)?;
        host.ready().await?;
        Ok(Self { server, host, site })
    }

    /// Logs in as a connection named `name`.
    pub(crate) async fn log_in(&self, credentials: Credentials<'_>, name: &str) -> Result<Client> {
        self.connect(login_options(credentials, name), name).await
    }

    /// Logs in with a token, in addition to the credentials that all clients share.
    pub(crate) async fn log_in_behind(
        &self,
        shared: &str,
        token: &str,
        name: &str,
    ) -> Result<Client> {
        let options = ConnectOptions::with_credentials(shared)?.token(token.to_owned());
        self.connect(options.name(name).max_reconnects(1), name)
            .await
    }

    /// Logs in with these options.
    pub(crate) async fn connect(&self, options: ConnectOptions, name: &str) -> Result<Client> {
        let login = options.connect(self.server.url()).await;
        login.with_context(|| format!("`{name}` was not let in; the host: {}", self.last_words()))
    }

    /// Logs in with these fields of CONNECT. The server must refuse the login without a reason.
    pub(crate) async fn refuses(&self, fields: &Value) -> Result<()> {
        let answer = Wire::open(self.server.port()).await?.log_in(fields).await?;
        ensure!(
            answer.is_refused_without_reason(),
            "expected a refusal without a reason, not {answer:?}; the host: {}",
            self.last_words()
        );
        Ok(())
    }

    /// Logs in with these fields of CONNECT. The server must accept the login.
    pub(crate) async fn admits(&self, fields: &Value) -> Result<Wire> {
        let mut wire = Wire::open(self.server.port()).await?;
        let answer = wire.log_in(fields).await?;
        ensure!(
            answer == Answer::Admitted,
            "was not let in but {answer:?}; the host: {}",
            self.last_words()
        );
        Ok(wire)
    }

    /// Logs in as a user of the callout account that bypasses the callout (config mode).
    pub(crate) async fn observer(&self) -> Result<Client> {
        let (user, password) = Site::OBSERVER;
        let credentials = Credentials::Password(user, password);
        Ok(log_in(&self.server.url(), credentials, "observer").await?)
    }

    /// Subscribes in the callout account to the server's events about refused logins.
    pub(crate) async fn auth_errors(&self) -> Result<Subscriber> {
        listen(&self.observer().await?, AUTH_ERROR).await
    }

    /// Waits until the host has decided `number` logins. Fails if it has decided more.
    pub(crate) async fn decided(&self, number: usize) -> Result<()> {
        let mut decided = 0;
        let pick = |event: &Event| {
            decided += usize::from(event.says("authorization decided"));
            (decided == number).then_some(())
        };
        let log = self.host.log();
        log.first_from(0, "the decisions", pick).await?;
        let events = log.all();
        let decided = events
            .iter()
            .filter(|event| event.says("authorization decided"));
        let decided = decided.count();
        ensure!(
            decided == number,
            "{decided} logins were decided, not {number}"
        );
        Ok(())
    }

    fn last_words(&self) -> String {
        let events = self.host.log().all();
        let last = events
            .iter()
            .rev()
            .find(|event| event.says("authorization decided") || event.says("request refused"));
        last.map_or_else(|| "nothing".to_owned(), |event| event.line().to_owned())
    }
}

/// Returns the CONNECT fields of a login with a user and a password.
pub(crate) fn password(user: &str, password: &str) -> Value {
    json!({ "user": user, "pass": password, "name": user })
}

/// Returns the CONNECT fields of a login with a token and the JWT of a sentinel.
pub(crate) fn behind(operator: &Operator, token: &str) -> Value {
    json!({ "jwt": operator.sentinel.jwt(), "auth_token": token, "name": token })
}

/// Returns the settings with which a server accepts MQTT.
pub(crate) fn mqtt(site: &Site) -> String {
    let jetstream = jetstream(site);
    format!("{jetstream}\nmqtt {{ listen: \"127.0.0.1:-1\" }}")
}

/// Returns the settings of `JetStream`, which MQTT needs.
pub(crate) fn jetstream(site: &Site) -> String {
    let directory = site.path().join("jetstream");
    format!("jetstream {{ store_dir: \"{}\" }}", directory.display())
}

/// Subscribes, and waits until the server has the subscription.
pub(crate) async fn listen(client: &Client, subject: &str) -> Result<Subscriber> {
    let subscriber = client.subscribe(subject.to_owned()).await?;
    // The server processes a connection in order: once it answers, it has the subscription.
    user_info(client).await?;
    Ok(subscriber)
}

/// Returns the next message, as JSON.
pub(crate) async fn next(subscriber: &mut Subscriber) -> Result<Value> {
    let message = timeout(PATIENCE, subscriber.next()).await;
    let message = message
        .context("no message came")?
        .context("no more messages")?;
    Ok(serde_json::from_slice(&message.payload)?)
}

/// Returns what the server knows about the user of `client`.
pub(crate) async fn user_info(client: &Client) -> Result<Value> {
    let answer = timeout(PATIENCE, client.request(USER_INFO, "".into())).await;
    let answer = answer.context("the server does not tell who the user is")??;
    let answer: Value = serde_json::from_slice(&answer.payload)?;
    match answer.get("data") {
        Some(data) => Ok(data.clone()),
        None => bail!("no user information in {answer}"),
    }
}

/// Verifies that the field at `pointer` has this value.
pub(crate) fn expect(value: &Value, pointer: &str, expected: &Value) -> Result<()> {
    let actual = value.pointer(pointer).unwrap_or(&Value::Null);
    ensure!(
        actual == expected,
        "`{pointer}` is {actual}, not {expected}, in {value}"
    );
    Ok(())
}

/// Verifies that the list at `pointer` has these members in any order.
pub(crate) fn expect_all(value: &Value, pointer: &str, expected: &[&str]) -> Result<()> {
    let actual = value.pointer(pointer).and_then(Value::as_array);
    let mut actual: Vec<_> = actual
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut expected = expected.to_vec();
    actual.sort_unstable();
    expected.sort_unstable();
    ensure!(
        actual == expected,
        "`{pointer}` is {actual:?}, not {expected:?}, in {value}"
    );
    Ok(())
}

/// Verifies that an event about a refusal has this reason, ignoring case.
pub(crate) fn expect_reason(event: &Value, reason: &str) -> Result<()> {
    let told = event
        .get("reason")
        .and_then(Value::as_str)
        .unwrap_or_default();
    ensure!(
        told.to_lowercase().contains(&reason.to_lowercase()),
        "the reason is `{told}`, not `{reason}`"
    );
    Ok(())
}

fn put_policy(site: &Site, rules: &[Rule]) -> Result<()> {
    let module = Built::guest("conforms")?;
    site.policies.put_policy(POLICY, &module, &settings(rules))
}
