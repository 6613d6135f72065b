//! The client of the system account's events and services, and the commands on top of it, with real
//! servers.

mod claims;
mod commands;
mod events;
mod services;
#[expect(dead_code, reason = "the example's own `main` is not called")]
#[path = "../../host/system/examples/sessions.rs"]
mod sessions;

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use async_nats::Client;
use futures::StreamExt as _;
use portcullis_connect::{
    Authentication, Connection, ConnectionOptions, Secret, SecretSource, connect,
};
use portcullis_harness::{Credentials, NatsServer, PATIENCE, Release, Site, log_in};
use portcullis_system::{
    Events, Gathering, IdzRequest, ServerFilter, ServerId, SystemClient, SystemEvent,
};
use tokio::process::Command;
use tokio::time::timeout;

/// The user of the system account.
const ADMIN: &str = "admin";
const ADMIN_PASSWORD: &str = "admin-password-of-the-system-account";
/// A user of the account `APP`.
const ALICE: Credentials<'_> = Credentials::Password("alice", "alice-password");

/// Servers with a system account, and files for them.
struct System {
    site: Site,
    servers: Vec<NatsServer>,
}

impl System {
    /// Starts servers of these names, one cluster if they are several.
    async fn start(release: Release, names: &[&str]) -> Result<Self> {
        let mut system = Self {
            site: Site::create(release)?,
            servers: Vec::new(),
        };
        for name in names {
            let cluster = match system.servers.first() {
                _ if names.len() == 1 => String::new(),
                None => "cluster { name: one, listen: \"127.0.0.1:-1\" }".to_owned(),
                Some(first) => format!(
                    "cluster {{ name: one, listen: \"127.0.0.1:-1\", routes: [ \"nats://127.0.0.1:{}\" ] }}",
                    first.port_for("route connections").await?
                ),
            };
            let config = system.write_config(name, &cluster)?;
            let server = NatsServer::start(release, &config).await?;
            system.servers.push(server);
        }
        Ok(system)
    }

    /// Writes the configuration of the server `name`, with `extra` appended.
    fn write_config(&self, name: &str, extra: &str) -> Result<PathBuf> {
        let config = format!(
            "server_name: {name}\n\
             server_tags: [ \"of:{name}\" ]\n\
             system_account: SYS\n\
             accounts {{\n\
             SYS {{ users: [ {{ user: {ADMIN}, password: \"{ADMIN_PASSWORD}\" }} ] }}\n\
             APP {{ users: [ {{ user: alice, password: alice-password }} ] }}\n\
             }}\n{extra}\n"
        );
        self.site.write_config(&format!("{name}.conf"), &config)
    }

    /// Returns the first server.
    fn server(&self) -> Result<&NatsServer> {
        self.servers.first().context("no server")
    }

    /// Connects as the user of the system account, to the first server. Waits until the server
    /// knows all others.
    async fn connect(&self) -> Result<(Connection, SystemClient<Client>)> {
        let options = ConnectionOptions {
            authentication: Authentication::Password {
                user: ADMIN.to_owned(),
                password: SecretSource::from(Secret::new(ADMIN_PASSWORD)),
            },
            connect_timeout: PATIENCE,
            ..ConnectionOptions::new("system-tests", vec![self.server()?.url()])
        };
        let connection = connect(&options).await?;
        let system = SystemClient::new(connection.client().clone()).with_patience(PATIENCE);
        timeout(PATIENCE, self.joined(&system)).await??;
        Ok((connection, system))
    }

    /// Waits until all servers answer requests to the first. Routes are made after the start.
    async fn joined(&self, system: &SystemClient<Client>) -> Result<()> {
        let quick = Gathering::expecting(
            self.servers.len().try_into()?,
            std::time::Duration::from_millis(100),
        );
        let all = ServerFilter::default();
        while system
            .ask_all(&IdzRequest {}, &all, quick)
            .await?
            .replies
            .len()
            < self.servers.len()
        {}
        Ok(())
    }

    /// Waits for the answers of all servers.
    fn all(&self) -> Result<Gathering> {
        let servers = self.servers.len().try_into()?;
        Ok(Gathering::expecting(servers, PATIENCE))
    }

    /// Returns the id of the server `name`.
    async fn id(&self, system: &SystemClient<Client>, name: &str) -> Result<ServerId> {
        let all = ServerFilter::default();
        let gathered = system.ask_all(&IdzRequest {}, &all, self.all()?).await?;
        let mut replies = gathered.replies.into_iter();
        let reply = replies.find(|reply| reply.server.name == name);
        Ok(reply.context("no such server")?.server.server_id()?)
    }

    /// Logs alice in at the first server.
    async fn alice(&self, name: &str) -> Result<Client> {
        Ok(log_in(&self.server()?.url(), ALICE, name).await?)
    }
}

/// Events, of which those that a test does not ask for first are kept.
struct Seen {
    events: Events<Client>,
    past: Vec<SystemEvent>,
}

impl Seen {
    const fn new(events: Events<Client>) -> Self {
        Self {
            events,
            past: Vec::new(),
        }
    }

    /// Waits for the first event that `pick` accepts, and returns what `pick` returns.
    async fn find<R>(&mut self, mut pick: impl FnMut(&SystemEvent) -> Option<R>) -> Result<R> {
        if let Some(found) = self.past.iter().find_map(&mut pick) {
            return Ok(found);
        }
        loop {
            let event = timeout(PATIENCE, self.events.next()).await;
            let event = event.with_context(|| format!("no such event: {:#?}", self.past))?;
            let event = event.context("the connection is closed")??;
            let found = pick(&event);
            self.past.push(event);
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }
}

/// Sends a signal to a server.
async fn signal(server: &NatsServer, name: &str) -> Result<()> {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(server.id()?.to_string())
        .stdin(Stdio::null())
        .status()
        .await?;
    ensure!(status.success(), "`kill` failed");
    Ok(())
}
