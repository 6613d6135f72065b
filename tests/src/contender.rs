//! What answers logins in comparisons: our host, or a service that others wrote; each with a server of its own.

mod callout_go;

use std::fs;

use anyhow::{Context, Result};
use nkeys::XKey;
use serde_json::json;

use crate::{Accounts, Built, Host, NatsServer, Release, Site};

pub use callout_go::CalloutGo;

/// Decisions are not logged: the program that measures would have to read a line for each, on processors that others need.
const LOG_LEVEL: &str = "warn,portcullis=info,portcullis_callout=warn";

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
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

#[derive(Debug)]
enum Answering {
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

    /// Starts a server, and who answers it. Requests are encrypted if `encrypts`; `callout` is added to the table `callout` of
    /// our host.
    ///
    /// # Errors
    ///
    /// If they do not start.
    pub async fn start(
        peer: Peer,
        accounts: Accounts,
        encrypts: bool,
        callout: &str,
    ) -> Result<Self> {
        let site = Site::create(Release::Nats2_15)?;
        let xkey = encrypts.then(XKey::new);
        if let Some(xkey) = &xkey {
            fs::write(site.path().join("keys/curve.nk"), xkey.seed()?)?;
        }
        let server = match (&xkey, accounts) {
            (Some(xkey), Accounts::Several) => {
                site.start_encrypting_server(Some(&xkey.public_key()))
                    .await?
            }
            _ => site.start_server(accounts).await?,
        };
        let answering = match peer {
            Peer::Portcullis => Answering::Host(host(&site, &server, encrypts, callout).await?),
            Peer::CalloutGo { workers, endpoints } => {
                let options = [("--workers", workers), ("--endpoints", endpoints)];
                let started = CalloutGo::start(&site, &server, encrypts, &options);
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

    /// The process that answers.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn id(&self) -> Result<u32> {
        match &self.answering {
            Answering::Host(host) => host.id(),
            Answering::CalloutGo(service) => service.id(),
        }
    }
}

async fn host(site: &Site, server: &NatsServer, encrypts: bool, callout: &str) -> Result<Host> {
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
    let xkey = if encrypts {
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
