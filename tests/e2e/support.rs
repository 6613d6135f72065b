//! Code that the suites share: users, settings, and a site that serves them.

use std::fs;

use anyhow::{Context, Result};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions};
use portcullis_harness::{
    Accounts, Built, Credentials, Event, Host, NatsServer, PolicyDirectory, Release, Site, hash,
    log_in,
};
use serde_json::Value;
use tokio::sync::OnceCell;

/// The policy name in most suites.
pub(crate) const POLICY: &str = "static-users";

/// The credentials of alice, who is in the settings.
pub(crate) const ALICE: Credentials<'_> = Credentials::Password("alice", ALICE_PASSWORD);
/// The credentials of a sensor in the settings, which logs in by token.
pub(crate) const SENSOR: Credentials<'_> = Credentials::Token(SENSOR_TOKEN);

pub(crate) const ALICE_PASSWORD: &str = "correct-horse-battery-staple";
pub(crate) const SENSOR_TOKEN: &str = "b5b8f4a3c6f04e0c9d0c2c4f3a5e7d19";

/// Settings without users. The users are appended.
const PROFILES: &str = r#"
[settings]
default-account = "APP"

[settings.profiles.own]
publish = { allow = ["alice.>", "$SYS.REQ.USER.INFO"], deny = ["alice.sealed"] }
subscribe = { allow = ["alice.>", "_INBOX.>"], deny = ["alice.sealed"] }

[settings.profiles.everything]
publish = { allow = [">"] }
subscribe = { allow = [">"] }

[settings.profiles.mute]
subscribe = { allow = [">"] }

[settings.profiles.deaf]
publish = { allow = [">"] }
"#;

/// Returns settings with these users and some profiles.
pub(crate) fn settings(users: &[String]) -> String {
    format!("{PROFILES}{}", users.concat())
}

/// Returns the settings of alice with a password, the profile `own` and the lines `more`.
pub(crate) async fn alice(more: &str) -> Result<String> {
    alice_in("own", more).await
}

/// Returns the settings of alice as [`alice`] does, with another profile.
pub(crate) async fn alice_in(profile: &str, more: &str) -> Result<String> {
    static HASH: OnceCell<String> = OnceCell::const_new();
    let password = HASH.get_or_try_init(|| hash(ALICE_PASSWORD, &[])).await?;
    let secret = format!("password = \"{password}\"");
    Ok(user("alice", &secret, profile, more))
}

/// Returns the settings of the sensor with its token and the lines `more`.
pub(crate) async fn sensor(profile: &str, more: &str) -> Result<String> {
    static HASH: OnceCell<String> = OnceCell::const_new();
    let token = HASH.get_or_try_init(|| hash(SENSOR_TOKEN, &["--token"]));
    let secret = format!("token = \"{}\"", token.await?);
    Ok(user("sensor", &secret, profile, more))
}

/// Returns the settings of a user.
pub(crate) fn user(name: &str, secret: &str, profile: &str, more: &str) -> String {
    format!("\n[settings.users.{name}]\n{secret}\nprofile = \"{profile}\"\n{more}\n")
}

/// Returns the policy that most suites serve.
pub(crate) fn static_users() -> Result<Vec<u8>> {
    Built::policy("static-users")
}

/// Writes the policy [`POLICY`] with the sensor as its only user, who may do everything.
pub(crate) async fn put_sensor(policies: &PolicyDirectory) -> Result<()> {
    let settings = settings(&[sensor("everything", "").await?]);
    policies.put_policy(POLICY, &static_users()?, &settings)
}

/// Creates a site whose policy [`POLICY`] has these settings.
pub(crate) fn site_with(release: Release, settings: &str) -> Result<Site> {
    let site = Site::create(release)?;
    site.policies
        .put_policy(POLICY, &static_users()?, settings)?;
    Ok(site)
}

/// Creates a site whose only user is the sensor, who may do everything.
pub(crate) async fn sensor_site(release: Release) -> Result<Site> {
    let site = Site::create(release)?;
    put_sensor(&site.policies).await?;
    Ok(site)
}

/// Starts a server with an account `AUDIT`, in which a stream captures the decision records that a
/// host with [`audit_tables`] publishes. The user `narrow` may publish them, and no more. A login
/// times out after a second.
pub(crate) async fn audited_server(site: &Site) -> Result<NatsServer> {
    let audit = "APP {}\n  AUDIT { jetstream: enabled, \
                 users: [ { user: auditor, password: of-the-auditor }, \
                 { user: narrow, password: of-the-auditor, permissions: { publish: [ \"decisions\", \
                 \"$SYS.REQ.USER.INFO\" ] } } ] }";
    let config = site
        .server_config(Accounts::Buckets, &site.keys.issuer.public_key())
        .replace("timeout: 5", "timeout: 1")
        .replace("auth_users: [ ", "auth_users: [ auditor, narrow, ")
        .replace("APP {}", audit);
    let server = site.start_server_with(&config).await?;
    let auditor = ConnectOptions::with_user_and_password("auditor".into(), "of-the-auditor".into());
    let auditor = auditor.connect(server.url()).await?;
    let decisions = stream::Config {
        name: "DECISIONS".to_owned(),
        subjects: vec!["decisions".to_owned()],
        ..stream::Config::default()
    };
    let jetstream = jetstream::with_domain(auditor, "hub");
    jetstream.create_stream(decisions).await?;
    fs::write(site.path().join("auditor.password"), "of-the-auditor")?;
    Ok(server)
}

/// Returns the tables that write and read decision records at the [`audited_server`] with this
/// address.
pub(crate) fn audit_tables(url: &str) -> String {
    format!(
        "[records.stream]\nsubject = \"decisions\"\njetstream-domain = \"hub\"\n\
         [records.stream.nats]\nservers = [\"{url}\"]\nuser = \"auditor\"\n\
         password-file = \"auditor.password\"\n"
    )
}

/// A site with a server and a host that decides logins.
pub(crate) struct Serving {
    pub(crate) site: Site,
    pub(crate) server: NatsServer,
    pub(crate) host: Host,
}

impl Serving {
    /// Starts a site that serves `static-users` with `settings`.
    pub(crate) async fn start(release: Release, settings: &str) -> Result<Self> {
        Self::start_at(site_with(release, settings)?).await
    }

    /// Starts a server and a host for the policies in `site`.
    pub(crate) async fn start_at(site: Site) -> Result<Self> {
        let server = site.start_server(Accounts::Several).await?;
        let host = site.start_host(&server).await?;
        Ok(Self { site, server, host })
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Logs in as [`log_in`] does. If the host denied the login, the error has the class and the
    /// reason.
    pub(crate) async fn log_in(&self, credentials: Credentials<'_>, name: &str) -> Result<Client> {
        let login = log_in(&self.url(), credentials, name).await;
        if login.is_ok() {
            return Ok(login?);
        }
        let why = match self.host.decision(name).await {
            Ok(decision) => format!("`{name}` is not let in: {decision:?}"),
            Err(none) => format!("`{name}` is not let in, and nobody decided so: {none:#}"),
        };
        login.context(why)
    }

    /// Returns a mark for [`Self::published_from`]: take it before changing a policy.
    pub(crate) fn mark(&self) -> usize {
        self.host.log().len()
    }

    /// Waits until the policy `name` was loaded and published since `mark`. Returns the event of
    /// the load.
    pub(crate) async fn published_from(&self, mark: usize, name: &str) -> Result<Event> {
        self.host.published_from(mark, name).await
    }
}

/// Returns a JSON value with sorted lists, because the server keeps permissions in no order.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(sorted).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), sorted(value)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}
