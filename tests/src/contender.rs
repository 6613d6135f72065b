//! What answers logins in comparisons: our host, or a service that others wrote; each with a server of its own.

mod callout_go;
mod peer;
mod setup;

use std::fs;

use anyhow::{Result, bail};
use nkeys::XKey;
use serde_json::{Value, json};

use crate::{Accounts, Host, NatsServer, Release, Site};
use setup::{host, server_config};

pub use callout_go::CalloutGo;
pub use peer::Peer;

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
