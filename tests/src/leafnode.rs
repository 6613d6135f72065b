//! A server that joins another one as a leafnode.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::{Certificate, NatsServer, Site};

/// What the leafnode writes when the other server hands on that somebody subscribes to a subject, which follows: only then is
/// it in. That it has a connection says nothing.
const HEARS: &str = "<<- [LS+ ";
/// What it writes when the other server turns it away; the reason follows.
const ERROR: &str = "Leafnode Error ";

/// A running leafnode; dropping it kills it.
#[derive(Debug)]
pub struct Leafnode {
    server: NatsServer,
}

/// How it logs in at the other server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Remote<'a> {
    /// `NAME:PASSWORD` or a token, in the address; nothing if it is empty.
    pub user: &'a str,
    /// The content of a credentials file.
    pub credentials: Option<&'a str>,
    /// The certificate of whoever vouches for the other server, and its own; without, there is no TLS.
    pub tls: Option<(&'a Path, &'a Certificate)>,
}

/// What came of its login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    /// It is in, and hears what the other server's clients subscribe to.
    Hears,
    /// It was turned away, with these words.
    Refused(String),
}

impl Leafnode {
    /// Starts a leafnode of the site's release, named `name`, that logs in at `port` of this machine.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn start(site: &Site, name: &str, port: u16, remote: Remote<'_>) -> Result<Self> {
        let Remote {
            user,
            credentials,
            tls,
        } = remote;
        let at = if user.is_empty() { "" } else { "@" };
        let mut remote = format!("url: \"nats://{user}{at}127.0.0.1:{port}\"");
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

    /// The address for its clients.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until it is turned away, or hears that one of the other server's clients subscribes to `subject`.
    ///
    /// # Errors
    ///
    /// If neither comes within a minute.
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
    /// Whether it was refused and told nothing but that.
    pub fn is_refused_without_reason(&self) -> bool {
        matches!(self, Self::Refused(error) if error == "Authorization Violation")
    }
}
