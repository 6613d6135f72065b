//! The stage of faults: a server, hosts, and a policy that permits one token.

use anyhow::{Context, Result};
use portcullis_harness::{
    Accounts, Built, Credentials, Gauge, Host, NatsServer, Release, RequestSigner, Site,
    barely_log_in, hash, log_in,
};

use crate::load::{AT_ONCE, Load};

/// The token that the policy permits.
pub(crate) const TOKEN: &str = "0f2b6c1e8a9d4f57b3e2c4d5a6978812";
/// The number of logins in a phase: enough to start every thread and allocate every buffer.
pub(crate) const PHASE: usize = 40 * AT_ONCE;

/// A server, and the hosts that answer its requests.
pub(crate) struct Stage {
    pub(crate) site: Site,
    pub(crate) server: NatsServer,
    pub(crate) hosts: Vec<Host>,
}

impl Stage {
    /// Starts a server and `hosts` hosts. `callout` is appended to their table `callout`.
    pub(crate) async fn start(hosts: usize, accounts: Accounts, callout: &str) -> Result<Self> {
        let site = Site::create(Release::Nats2_15)?;
        let settings = settings(&hash(TOKEN, &["--token"]).await?);
        site.policies
            .put_policy("static-users", &Built::policy("static-users")?, &settings)?;
        Self::at(site, hosts, accounts, callout, "").await
    }

    /// Starts a server and `hosts` hosts with the policies of `site`. `more` is appended to the
    /// hosts' configuration.
    pub(crate) async fn at(
        site: Site,
        hosts: usize,
        accounts: Accounts,
        callout: &str,
        more: &str,
    ) -> Result<Self> {
        let server = site.start_server(accounts).await?;
        let config = site.host_config(&server.url(), more);
        let config = config.replace("[callout]\n", &format!("[callout]\n{callout}\n"));
        let mut stage = Self {
            site,
            server,
            hosts: Vec::new(),
        };
        for _ in 0..hosts {
            let host = stage.site.spawn_host_with(&config)?;
            host.ready().await?;
            stage.hosts.push(host);
        }
        Ok(stage)
    }

    /// Starts clients that log in at the server.
    pub(crate) fn load(&self) -> Load {
        let port = self.server.port();
        Load::start(move || async move { matches!(barely_log_in(port, TOKEN).await, Ok(true)) })
    }

    /// Starts clients that send requests by hand to a server without callout, as if clients logged
    /// in there.
    pub(crate) async fn load_by_hand(&self) -> Result<Load> {
        let client = self.observer("asker").await?;
        let issuer = self.site.keys.issuer.public_key();
        Ok(Load::start(move || {
            let (client, signer) = (client.clone(), RequestSigner::new(&issuer));
            async move { matches!(signer.ask(&client, TOKEN).await, Ok(true)) }
        }))
    }

    /// Logs in as a user of the callout account that bypasses the callout.
    pub(crate) async fn observer(&self, name: &str) -> Result<async_nats::Client> {
        let (user, password) = Site::OBSERVER;
        let credentials = Credentials::Password(user, password);
        Ok(log_in(&self.server.url(), credentials, name).await?)
    }

    /// Returns the host with this index, in the order of their start.
    pub(crate) fn host(&mut self, index: usize) -> Result<&mut Host> {
        self.hosts.get_mut(index).context("no such host")
    }

    /// Reads the resources of the first host and of the server.
    pub(crate) fn gauges(&self) -> Result<(Gauge, Gauge)> {
        let host = self.hosts.first().context("no host")?;
        Ok((Gauge::of(host.id()?)?, Gauge::of(self.server.id()?)?))
    }
}

fn settings(token: &str) -> String {
    format!(
        "[settings]\n\
         default-account = \"APP\"\n\
         [settings.profiles.everything]\n\
         publish = {{ allow = [\">\"] }}\n\
         subscribe = {{ allow = [\">\"] }}\n\
         [settings.users.sensor]\n\
         token = \"{token}\"\n\
         profile = \"everything\"\n"
    )
}
