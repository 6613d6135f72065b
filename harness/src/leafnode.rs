//! A server that connects to another server as a leafnode.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::{Certificate, NatsServer, Site};

/// The leafnode's log line about a subscription that the other server forwards; the subject
/// follows. Only this line shows that the login succeeded; an open connection does not.
const HEARS: &str = "<<- [LS+ ";
/// The leafnode's log line about a rejected login; the reason follows.
const ERROR: &str = "Leafnode Error ";

/// A running leafnode; dropping it kills it.
#[derive(Debug)]
pub struct Leafnode {
    server: NatsServer,
}

/// The credentials and TLS of a leafnode.
#[derive(Clone, Copy, Debug, Default)]
pub struct Remote<'a> {
    /// The part `NAME:PASSWORD`, or a token, of the address. Empty for none.
    pub user: &'a str,
    /// The content of a credentials file.
    pub credentials: Option<&'a str>,
    /// The authority of the other server's certificate, and the leafnode's certificate. `None`
    /// means no TLS.
    pub tls: Option<(&'a Path, &'a Certificate)>,
    /// Whether the port is that of the other server's listener for WebSocket.
    pub over_websocket: bool,
}

/// The result of a leafnode's login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    /// Accepted: the leafnode receives subscriptions of the other server's clients.
    Hears,
    /// Refused, with this message.
    Refused(String),
}

impl Leafnode {
    /// Starts a leafnode of the site's release, named `name`, that logs in at `port` of this
    /// machine.
    ///
    /// # Errors
    ///
    /// Fails if the leafnode does not start.
    pub async fn start(site: &Site, name: &str, port: u16, remote: Remote<'_>) -> Result<Self> {
        let Remote {
            user,
            credentials,
            tls,
            over_websocket,
        } = remote;
        let at = if user.is_empty() { "" } else { "@" };
        let scheme = if over_websocket { "ws" } else { "nats" };
        let mut remote = format!("url: \"{scheme}://{user}{at}127.0.0.1:{port}\"");
        if let Some(credentials) = credentials {
            let file = site.path().join(format!("{name}.creds"));
            fs::write(&file, credentials)?;
            remote = format!("{remote}, credentials: \"{}\"", file.display());
        }
        if let Some((authority, certificate)) = tls {
            remote = format!(
                "{remote}, tls {{ ca_file: \"{}\", cert_file: \"{}\", key_file: \"{}\" }}",
                authority.display(),
                certificate.file.display(),
                certificate.key_file.display()
            );
        }
        let config = format!(
            "server_name: {name}\ndebug: true\ntrace: true\nleafnodes {{ remotes: [ {{ {remote} }} ] }}\n"
        );
        let file = site.path().join(format!("{name}.conf"));
        fs::write(&file, config)?;
        let server = NatsServer::start(site.release(), &file).await?;
        Ok(Self { server })
    }

    /// Returns the address for clients of the leafnode.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until the login is refused, or until the leafnode receives a subscription to `subject`
    /// of the other server's clients.
    ///
    /// # Errors
    ///
    /// Fails if neither happens before [`crate::PATIENCE`] passes.
    pub async fn joins(&self, subject: &str) -> Result<Joined> {
        let heard = format!("{HEARS}{subject}]");
        let pick = |line: &String| {
            if line.contains(&heard) {
                return Some(Joined::Hears);
            }
            let (_, error) = line.split_once(ERROR)?;
            Some(Joined::Refused(error.trim_matches('\'').to_owned()))
        };
        let log = self.server.log();
        log.first_from(0, "the leafnode to be let in or not", pick)
            .await
    }
}

impl Joined {
    /// Returns whether the login was refused without a reason.
    pub fn is_refused_without_reason(&self) -> bool {
        matches!(self, Self::Refused(error) if error == "Authorization Violation")
    }
}
