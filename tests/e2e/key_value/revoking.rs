//! A site whose policy refuses the users in a bucket.

use anyhow::{Result, ensure};
use async_nats::Client;
use async_nats::jetstream;
use async_nats::jetstream::kv::{self, Store};
use portcullis_harness::{
    Accounts, Built, Credentials, Event, Host, NatsServer, Release, Site, is_admitted, log_in,
};

pub(super) const BUCKET: &str = "revoked";
/// The maximum number of attempts until a change takes effect.
pub(super) const ATTEMPTS: usize = 20;

/// The tables of a configuration that grant the bucket.
pub(super) const GRANT: &str = "[policies.grants.revocations]\nkey-value = [\"revoked\"]\n";
pub(super) const FORGED: &str = "forged message for a key-value bucket ignored: another user of its account sends to the host's inbox";

/// A site whose policy refuses the users in the bucket.
pub(super) struct Revoking {
    pub(super) site: Site,
    pub(super) server: NatsServer,
    /// The client that maintains the bucket.
    pub(super) keeper: Client,
}

impl Revoking {
    pub(super) async fn start(release: Release) -> Result<Self> {
        let site = Site::create(release)?;
        let settings = format!("[settings]\nbucket = \"{BUCKET}\"\n");
        let module = Built::guest("looks_up")?;
        site.policies
            .put_policy("revocations", &module, &settings)?;
        let server = site.start_server(Accounts::Buckets).await?;
        let keeper = keeper(&server).await?;
        Ok(Self {
            site,
            server,
            keeper,
        })
    }

    pub(super) async fn make_bucket(&self) -> Result<Store> {
        self.make_bucket_with(kv::Config::default()).await
    }

    /// Creates the bucket with this configuration.
    pub(super) async fn make_bucket_with(&self, config: kv::Config) -> Result<Store> {
        let config = kv::Config {
            bucket: BUCKET.to_owned(),
            ..config
        };
        let context = jetstream::new(self.keeper.clone());
        Ok(context.create_key_value(config).await?)
    }

    /// Starts a host that mirrors the bucket, with these additional lines under `[key-value]`.
    pub(super) async fn start_host(&self, more: &str) -> Result<Host> {
        let table = format!("{GRANT}[key-value]\nbuckets = [\"{BUCKET}\"]\n{more}\n");
        let host = self.site.spawn_host(&self.server, &table)?;
        host.ready().await?;
        Ok(host)
    }

    /// Logs in `user` until the result is the expected one, because a change takes a moment.
    pub(super) async fn comes_to(&self, user: &str, is_admitted: bool) -> Result<()> {
        for _ in 0..ATTEMPTS {
            if self.is_admitted(user, "desk").await? == is_admitted {
                return Ok(());
            }
        }
        anyhow::bail!("`{user}` let in: never {is_admitted}")
    }

    pub(super) async fn is_admitted(&self, user: &str, name: &str) -> Result<bool> {
        is_admitted(self.server.port(), user, "any", name).await
    }

    /// Returns the reason why `user` is refused.
    pub(super) async fn refusal(&self, host: &Host, user: &str) -> Result<String> {
        let mark = host.log().len();
        ensure!(
            !self.is_admitted(user, "refused").await?,
            "`{user}` is let in"
        );
        let awaited = "a decision";
        let decision = host.wait_from(mark, awaited, |event| event.decides("refused"));
        Ok(decision.await?.text("denial.reason").to_owned())
    }
}

/// Logs in as a user of the account with the buckets.
pub(super) async fn keeper(server: &NatsServer) -> Result<Client> {
    let (user, password) = Site::OBSERVER;
    Ok(log_in(
        &server.url(),
        Credentials::Password(user, password),
        "keeper",
    )
    .await?)
}

/// Waits until the host logs this message about the bucket.
pub(super) async fn says(host: &Host, mark: usize, words: &str) -> Result<Event> {
    let said = |event: &Event| event.says(words) && event.text("key_value.bucket") == BUCKET;
    host.wait_from(mark, words, said).await
}
