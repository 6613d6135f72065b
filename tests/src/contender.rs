//! What answers logins in comparisons: our host, or a service that others wrote; each with a server of its own.

mod callout_go;

use std::fs;

use anyhow::{Context, Result, bail};
use nkeys::XKey;
use serde_json::{Value, json};

use crate::{Accounts, Built, Host, NatsServer, Release, Site};

pub use callout_go::CalloutGo;

/// Decisions are not logged: the program that measures would have to read a line for each, on processors that others need.
const LOG_LEVEL: &str = "warn,portcullis=info,portcullis_callout=warn";

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Nobody: the server knows the user itself, with the token as the password.
    Nobody,
    /// Our host, with the policy `static-users`.
    Portcullis,
    /// The reference callout, by its own options; zero is its default.
    CalloutGo {
        /// How many requests are worked on at once.
        workers: u32,
        /// How many subscriptions there are, each with one request at a time.
        endpoints: u32,
    },
}

/// A server, who answers for it, and the one user there is. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Contender {
    /// Who answers.
    pub peer: Peer,
    /// The server.
    pub server: NatsServer,
    /// The keys and everything else.
    pub site: Site,
    /// The key that requests are encrypted for, if they are.
    pub xkey: Option<XKey>,
    answering: Answering,
}

/// What is the same for everybody who is compared.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The accounts of the server.
    pub accounts: Accounts,
    /// Whether requests are encrypted.
    pub encrypts: bool,
    /// How long the server waits for an answer, in seconds: its default is 2.
    pub timeout: u32,
    /// What is added to the table `callout` of our host.
    pub callout: String,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            accounts: Accounts::Several,
            encrypts: false,
            timeout: 5,
            callout: String::new(),
        }
    }
}

#[derive(Debug)]
enum Answering {
    Nobody,
    Host(Host),
    CalloutGo(CalloutGo),
}

impl Peer {
    /// The reference callout as it is by default.
    pub const CALLOUT_GO: Self = Self::CalloutGo {
        workers: 0,
        endpoints: 0,
    };

    /// Everybody who is compared, ours first.
    pub const ALL: [Self; 4] = [
        Self::Portcullis,
        Self::CALLOUT_GO,
        Self::CalloutGo {
            workers: 10,
            endpoints: 0,
        },
        Self::CalloutGo {
            workers: 0,
            endpoints: 10,
        },
    ];
}

impl std::fmt::Display for Peer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Nobody => formatter.pad("no callout"),
            Self::Portcullis => formatter.pad("portcullis"),
            Self::CALLOUT_GO => formatter.pad("callout.go"),
            Self::CalloutGo {
                workers,
                endpoints: 0,
            } => formatter.pad(&format!("callout.go, {workers} workers")),
            Self::CalloutGo { endpoints, .. } => {
                formatter.pad(&format!("callout.go, {endpoints} endpoints"))
            }
        }
    }
}

impl Contender {
    /// The user of every comparison, and the token that is compared in the clear, so that no password hash is measured.
    pub const USER: (&str, &str) = ("measured", "0c5e4d8f3a7b4e1f9d2a6b8c7e5f4a3d");
    /// What the user may publish to, and subscribe to.
    pub const PERMISSIONS: ([&str; 2], [&str; 2]) =
        (["orders.>", "events.measured"], ["_INBOX.>", "orders.>"]);
    /// The account that the user is placed in.
    pub const ACCOUNT: &str = "APP";

    /// Starts a server, and who answers it.
    ///
    /// # Errors
    ///
    /// If they do not start.
    pub async fn start(peer: Peer, conditions: &Conditions) -> Result<Self> {
        let site = Site::create(Release::Nats2_15)?;
        let xkey = conditions.encrypts.then(XKey::new);
        if let Some(xkey) = &xkey {
            fs::write(site.path().join("keys/curve.nk"), xkey.seed()?)?;
        }
        let config = server_config(&site, peer, conditions, xkey.as_ref());
        let server = site.start_server_with(&config).await?;
        let answering = match peer {
            Peer::Nobody => Answering::Nobody,
            Peer::Portcullis => Answering::Host(host(&site, &server, conditions).await?),
            Peer::CalloutGo { workers, endpoints } => {
                let options = [("--workers", workers), ("--endpoints", endpoints)];
                let started = CalloutGo::start(&site, &server, conditions.encrypts, &options);
                Answering::CalloutGo(started.await?)
            }
        };
        Ok(Self {
            peer,
            server,
            site,
            xkey,
            answering,
        })
    }

    /// What the user puts into CONNECT.
    pub fn credentials(&self) -> Value {
        let (user, token) = Self::USER;
        match self.peer {
            Peer::Nobody => json!({ "user": user, "pass": token }),
            _ => json!({ "auth_token": token }),
        }
    }

    /// Stops the server; what is returned starts it again on the same port.
    ///
    /// # Errors
    ///
    /// If it cannot be stopped.
    pub async fn stop_server(self) -> Result<impl Future<Output = Result<Self>>> {
        let Self {
            peer,
            server,
            site,
            xkey,
            answering,
        } = self;
        let starting = server.stop().await?;
        Ok(async move {
            Ok(Self {
                peer,
                server: starting.await?,
                site,
                xkey,
                answering,
            })
        })
    }

    /// The process that answers.
    ///
    /// # Errors
    ///
    /// If it has ended, or nobody answers.
    pub fn id(&self) -> Result<u32> {
        match &self.answering {
            Answering::Nobody => bail!("nobody answers"),
            Answering::Host(host) => host.id(),
            Answering::CalloutGo(service) => service.id(),
        }
    }
}

fn server_config(site: &Site, peer: Peer, conditions: &Conditions, xkey: Option<&XKey>) -> String {
    let issuer = site.keys.issuer.public_key();
    let accounts = match peer {
        Peer::Nobody => Accounts::NoCallout,
        _ => conditions.accounts,
    };
    let mut config = site.server_config(accounts, &issuer);
    config = config.replace("timeout: 5", &format!("timeout: {}", conditions.timeout));
    if let Some(xkey) = xkey {
        let asks = format!("auth_callout {{ xkey: {},", xkey.public_key());
        config = config.replace("auth_callout {", &asks);
    }
    if peer == Peer::Nobody {
        let (user, password) = Contender::USER;
        let (publish, subscribe) = Contender::PERMISSIONS;
        let account = Contender::ACCOUNT;
        let users = format!(
            "{account} {{ users: [ {{ user: {user}, password: \"{password}\", permissions: {{ \
             publish: {{ allow: {publish:?} }}, subscribe: {{ allow: {subscribe:?} }} }} }} ] }}"
        );
        config = config.replace(&format!("{account} {{}}"), &users);
    }
    config
}

async fn host(site: &Site, server: &NatsServer, conditions: &Conditions) -> Result<Host> {
    let (name, token) = Contender::USER;
    let (publish, subscribe) = Contender::PERMISSIONS;
    let account = Contender::ACCOUNT;
    let settings = format!(
        "[settings]\ndangerous-plain-text-passwords = true\n\
         [settings.profiles.one]\npublish = {{ allow = {publish:?} }}\nsubscribe = {{ allow = {subscribe:?} }}\n\
         [settings.users.{name}]\ntoken = \"plain:{token}\"\naccount = \"{account}\"\nprofile = \"one\"\n"
    );
    let module = Built::policy("static-users")?;
    site.policies.put_policy("users", &module, &settings)?;
    let callout = &conditions.callout;
    let xkey = if conditions.encrypts {
        "xkey-seed-file = \"keys/curve.nk\"\n"
    } else {
        ""
    };
    let config = site.host_config(&server.url(), "");
    let config = config.replace("[callout]\n", &format!("[callout]\n{xkey}{callout}\n"));
    let config = site.write_config("measured.toml", &config)?;
    let host = Host::spawn(&config, &["--log-level", LOG_LEVEL])?;
    host.ready().await.context("our host")?;
    Ok(host)
}

/// The same user, for the reference callout.
fn write_users(site: &Site) -> Result<std::path::PathBuf> {
    let (name, token) = Contender::USER;
    let (publish, subscribe) = Contender::PERMISSIONS;
    let user = json!({
        "token": token, "account": Contender::ACCOUNT, "publish": publish, "subscribe": subscribe,
    });
    site.write_config("users.json", &json!({ name: user }).to_string())
}
