//! A directory with all files of a callout, and the processes that use it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

use crate::{Host, Keys, NatsServer, PolicyDirectory, Release};

/// A temporary directory with keys, configurations and policies, removed on drop.
#[derive(Debug)]
pub struct Site {
    directory: TempDir,
    /// The keys, written to `keys/`.
    pub keys: Keys,
    /// The directory that the host watches.
    pub policies: PolicyDirectory,
    release: Release,
}

/// Returns the tables of a configuration that let these policies compare with `plain:` forms.
pub fn plain_hashes(policies: &[&str]) -> String {
    let table = |name: &&str| format!("[policies.grants.{name}]\nplain-hashes = true\n");
    policies.iter().map(table).collect()
}

/// The accounts of a site's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// `AUTH` for the callout, with a user [`Site::OBSERVER`]; `APP` and `OTHER` for clients;
    /// `SYS`.
    Several,
    /// `$G` for the callout and for clients, with `JetStream`; `SYS`.
    Global,
    /// The accounts of `Several`, with `JetStream` in `AUTH`, whose domain is `hub`.
    Buckets,
    /// The accounts of `Several`, without callout. `OBSERVER` may publish on every subject.
    NoCallout,
}

impl Site {
    /// The name and the password of a user in the account `AUTH` that bypasses the callout.
    pub const OBSERVER: (&str, &str) = ("observer", "observer-password");

    /// Creates a site whose server is of this release.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be created.
    pub fn create(release: Release) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("portcullis-").tempdir()?;
        let keys = Keys::generate();
        keys.write(&directory.path().join("keys"))?;
        let policies = PolicyDirectory::create(directory.path().join("policies"))?;
        Ok(Self {
            directory,
            keys,
            policies,
            release,
        })
    }

    /// Returns the release of the site's server.
    pub const fn release(&self) -> Release {
        self.release
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts a server that delegates its logins to the host.
    ///
    /// # Errors
    ///
    /// Fails if the server does not start.
    pub async fn start_server(&self, accounts: Accounts) -> Result<NatsServer> {
        let issuer = self.keys.issuer.public_key();
        self.start_server_trusting(accounts, &issuer).await
    }

    /// Starts a server that trusts the signatures of the account key `issuer`.
    ///
    /// # Errors
    ///
    /// Fails if the server does not start.
    pub async fn start_server_trusting(
        &self,
        accounts: Accounts,
        issuer: &str,
    ) -> Result<NatsServer> {
        self.start_server_with(&self.server_config(accounts, issuer))
            .await
    }

    /// Starts a server with [`Accounts::Several`] that encrypts its requests for the curve key
    /// `xkey`, if it is given.
    ///
    /// # Errors
    ///
    /// Fails if the server does not start.
    pub async fn start_encrypting_server(&self, xkey: Option<&str>) -> Result<NatsServer> {
        let issuer = self.keys.issuer.public_key();
        let mut config = self.server_config(Accounts::Several, &issuer);
        if let Some(xkey) = xkey {
            config = config.replace("auth_callout {", &format!("auth_callout {{ xkey: {xkey},"));
        }
        self.start_server_with(&config).await
    }

    /// Starts a server with this configuration.
    ///
    /// # Errors
    ///
    /// Fails if the server does not start.
    pub async fn start_server_with(&self, config: &str) -> Result<NatsServer> {
        let file = self.path().join("nats-server.conf");
        fs::write(&file, config)?;
        NatsServer::start(self.release, &file).await
    }

    /// Starts a server of this name that delegates its logins to the host. `extra` is appended to
    /// its configuration.
    ///
    /// # Errors
    ///
    /// Fails if the server does not start.
    pub async fn start_server_named(
        &self,
        name: &str,
        accounts: Accounts,
        extra: &str,
    ) -> Result<NatsServer> {
        let config = self.server_config(accounts, &self.keys.issuer.public_key());
        let config = config.replace(
            "server_name: portcullis-tests",
            &format!("server_name: {name}"),
        );
        let file = self.path().join(format!("{name}.conf"));
        fs::write(&file, format!("{config}{extra}"))?;
        NatsServer::start(self.release, &file).await
    }

    /// Starts a server that waits this number of seconds for the host's answer.
    ///
    /// # Errors
    ///
    /// Fails if the server does not start.
    pub async fn start_server_waiting(
        &self,
        accounts: Accounts,
        seconds: &str,
    ) -> Result<NatsServer> {
        let config = self.server_config(accounts, &self.keys.issuer.public_key());
        let config = config.replace("timeout: 5\n", &format!("timeout: {seconds}\n"));
        self.start_server_with(&config).await
    }

    /// Starts a host for `server`, without waiting for it. `extra` is appended to its
    /// configuration.
    ///
    /// # Errors
    ///
    /// Fails if the host cannot be started.
    pub fn spawn_host(&self, server: &NatsServer, extra: &str) -> Result<Host> {
        self.spawn_host_with(&self.host_config(&server.url(), extra))
    }

    /// Starts a host with this configuration, without waiting for it.
    ///
    /// # Errors
    ///
    /// Fails if the host cannot be started.
    pub fn spawn_host_with(&self, config: &str) -> Result<Host> {
        let file = self.write_config("portcullis.toml", config)?;
        Host::spawn(&file, &[])
    }

    /// Starts a host for `server` and waits until it takes logins.
    ///
    /// # Errors
    ///
    /// Fails if the host does not take logins in time.
    pub async fn start_host(&self, server: &NatsServer) -> Result<Host> {
        let host = self.spawn_host(server, "")?;
        host.ready().await?;
        Ok(host)
    }

    /// Writes a configuration of the host.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn write_config(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.path().join(name);
        fs::write(&file, text)?;
        Ok(file)
    }

    /// Returns a configuration of the host that answers for [`Accounts::Several`] at `url`. It ends
    /// inside the table `policies`, which `extra` continues.
    pub fn host_config(&self, url: &str, extra: &str) -> String {
        format!(
            r#"
[nats]
servers = ["{url}"]
nkey-seed-file = "keys/callout.nk"
reconnect-wait = "50ms"
reconnect-jitter = "0s"
retry-delay = "50ms"

[callout]
issuer-seed-file = "keys/issuer.nk"
target-accounts = ["APP"]
account = "AUTH"
system-account = "SYS"
# Tests count the logins that they make.
probe = false

[policies]
directory = "policies"
debounce = "50ms"
{extra}
"#
        )
    }

    /// Returns a configuration of a server that trusts the signatures of the account key `issuer`.
    pub fn server_config(&self, accounts: Accounts, issuer: &str) -> String {
        let callout = self.keys.callout.public_key();
        let (observer, password) = Self::OBSERVER;
        let users = format!(
            "users: [\n    {{ nkey: {callout} }}\n    {{ user: {observer}, password: {password} }}\n  ]"
        );
        let asks = |account: &str| {
            format!(
                "auth_callout {{ issuer: {issuer}, account: \"{account}\", auth_users: [ {callout}, {observer} ] }}"
            )
        };
        let stream = format!(
            "jetstream {{ store_dir: \"{}\" }}\n",
            self.path().join("jetstream").display()
        );
        // `timeout` is a number: the oldest server ignores it as a text.
        match accounts {
            Accounts::Several | Accounts::Buckets | Accounts::NoCallout => {
                let asks = match accounts {
                    Accounts::NoCallout => String::new(),
                    _ => asks("AUTH"),
                };
                let (stream, enabled) = match accounts {
                    Accounts::Buckets => {
                        let of_domain = stream.replace("{ ", "{ domain: hub, ");
                        (of_domain, "jetstream: enabled, ")
                    }
                    _ => (String::new(), ""),
                };
                format!(
                    "server_name: portcullis-tests\n\
                     system_account: SYS\n\
                     {stream}\
                     accounts {{\n  AUTH {{ {enabled}{users} }}\n  APP {{}}\n  OTHER {{}}\n  SYS {{}}\n}}\n\
                     authorization {{\n  timeout: 5\n  {asks}\n}}\n"
                )
            }
            Accounts::Global => format!(
                "server_name: portcullis-tests\n\
                 system_account: SYS\n\
                 accounts {{ SYS {{}} }}\n\
                 {stream}\
                 authorization {{\n  timeout: 5\n  {users}\n  {}\n}}\n",
                asks("$G")
            ),
        }
    }
}
