//! The contenders of comparisons: our host or a third-party service, each with a server of its own.

mod callout_go;
mod conditions;
mod peer;
mod setup;

use std::fs;

use anyhow::{Result, bail};
use nkeys::XKey;
use portcullis_harness::{Host, NatsServer, Release, Site};
use serde_json::{Value, json};

use setup::{RECORDS, create_stream, host, server_config};

pub use callout_go::CalloutGo;
pub use conditions::Conditions;
pub use peer::Peer;

/// A server, the process that answers its requests, and a single user. Dropping it ends all of
/// them.
#[derive(Debug)]
pub struct Contender {
    /// The kind of process that answers.
    pub peer: Peer,
    /// The server.
    pub server: NatsServer,
    /// The site with the keys and configurations.
    pub site: Site,
    /// The key that requests are encrypted for; `None` if they are not.
    pub xkey: Option<XKey>,
    answering: Answering,
}

#[derive(Debug)]
enum Answering {
    Nobody,
    Host(Host),
    CalloutGo(CalloutGo),
}

impl Contender {
    /// The user of every comparison, and the token.
    pub const USER: (&str, &str) = conditions::USER;
    /// The subjects that the user may publish to, and subscribe to.
    pub const PERMISSIONS: ([&str; 2], [&str; 2]) = conditions::PERMISSIONS;
    /// The account of the user.
    pub const ACCOUNT: &str = conditions::ACCOUNT;

    /// Starts a server, and the process that answers its requests.
    ///
    /// # Errors
    ///
    /// Fails if they do not start.
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
            Peer::Portcullis => Answering::Host(host(&site, &server, conditions, "").await?),
            Peer::Recording => {
                create_stream(&server).await?;
                Answering::Host(host(&site, &server, conditions, RECORDS).await?)
            }
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

    /// Returns the CONNECT options of the user.
    pub fn credentials(&self) -> Value {
        let (user, token) = Self::USER;
        match self.peer {
            Peer::Nobody => json!({ "user": user, "pass": token }),
            _ => json!({ "auth_token": token }),
        }
    }

    /// Stops the server. The returned future starts it again on the same port.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be stopped.
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

    /// Returns the id of the process that answers.
    ///
    /// # Errors
    ///
    /// Fails if the process has ended, or if the server answers itself.
    pub fn id(&self) -> Result<u32> {
        match &self.answering {
            Answering::Nobody => bail!("nobody answers"),
            Answering::Host(host) => host.id(),
            Answering::CalloutGo(service) => service.id(),
        }
    }
}
