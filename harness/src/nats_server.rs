//! A real nats-server.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use tokio::process::{Child, Command};

use crate::{Recording, Release};

/// The server's log line about a listener. The kind of connections, ` on ` and the address follow.
const LISTENING: &str = "Listening for ";
/// The server's log line at the end of its start.
const READY: &str = "Server is ready";

/// The ports of servers, below those of outgoing connections (from 32768 on, on Linux): no
/// connection takes the port of a server that is about to start again.
const FIRST_PORT: u32 = 10_000;
const PORTS: u32 = 22_000;

/// A running nats-server; dropping it kills it.
#[derive(Debug)]
pub struct NatsServer {
    process: Child,
    log: Recording<String>,
    program: PathBuf,
    config: PathBuf,
    port: u16,
}

impl NatsServer {
    /// Starts a server on a free port, and waits until it is ready. Overrides the port of the
    /// configuration file.
    ///
    /// # Errors
    ///
    /// Fails if the server does not start; the message quotes what it wrote.
    pub async fn start(release: Release, config: &Path) -> Result<Self> {
        Self::spawn(release.program()?, config.to_owned(), free_port()?).await
    }

    /// Stops this server. The returned future starts it again on the same port.
    ///
    /// # Errors
    ///
    /// Fails if the server cannot be stopped.
    pub async fn stop(mut self) -> Result<impl Future<Output = Result<Self>>> {
        self.process.kill().await?;
        Ok(Self::spawn(self.program, self.config, self.port))
    }

    /// Returns the address for clients, for example `nats://127.0.0.1:41235`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Returns the port for clients.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address for WebSocket, for example `ws://127.0.0.1:41235`.
    ///
    /// # Errors
    ///
    /// Fails if the configuration has no block `websocket`.
    pub fn websocket_url(&self) -> Result<String> {
        self.address("websocket clients")
    }

    /// Returns the address for MQTT, for example `mqtt://127.0.0.1:41235`.
    ///
    /// # Errors
    ///
    /// Fails if the configuration has no block `mqtt`.
    pub fn mqtt_url(&self) -> Result<String> {
        self.address("MQTT clients")
    }

    /// Returns the port for MQTT.
    ///
    /// # Errors
    ///
    /// Fails if the configuration has no block `mqtt`.
    pub fn mqtt_port(&self) -> Result<u16> {
        port_of(&self.mqtt_url()?).context("no port for MQTT")
    }

    /// Returns the port for leafnodes.
    ///
    /// # Errors
    ///
    /// Fails if the configuration has no block `leafnodes`.
    pub fn leafnode_port(&self) -> Result<u16> {
        port_of(&self.address("leafnode connections")?).context("no port for leafnodes")
    }

    /// Returns the port for WebSocket.
    ///
    /// # Errors
    ///
    /// Fails if the configuration has no block `websocket`.
    pub fn websocket_port(&self) -> Result<u16> {
        port_of(&self.websocket_url()?).context("no port for WebSocket")
    }

    /// Waits until the server listens for `whom`, for example `route connections`, and returns the
    /// port.
    ///
    /// # Errors
    ///
    /// Fails if the server does not log so before [`crate::PATIENCE`] passes.
    pub async fn port_for(&self, whom: &str) -> Result<u16> {
        // Listeners for other servers may start after those for clients.
        let awaited = format!("nats-server to listen for {whom}");
        let pick = |line: &String| port_of(listening(line, whom)?);
        self.log.first_from(0, &awaited, pick).await
    }

    /// Returns the process id of the server.
    ///
    /// # Errors
    ///
    /// Fails if the server has ended already.
    pub fn id(&self) -> Result<u32> {
        self.process.id().context("nats-server is not running")
    }

    /// Returns the server's log.
    pub const fn log(&self) -> &Recording<String> {
        &self.log
    }

    /// Returns the address of the listener for `whom`. The server logs it before it is ready.
    fn address(&self, whom: &str) -> Result<String> {
        let lines = self.log.all();
        let address = lines.iter().find_map(|line| listening(line, whom));
        let address = address.with_context(|| format!("nats-server does not listen for {whom}"))?;
        Ok(address.to_owned())
    }

    async fn spawn(program: PathBuf, config: PathBuf, port: u16) -> Result<Self> {
        let mut process = Command::new(&program)
            .arg("--config")
            .arg(&config)
            .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let stderr = process.stderr.take().context("nats-server has no stderr")?;
        let log = Recording::of(stderr, |line| line);
        log.first_from(0, "nats-server to be ready", |line| {
            line.contains(READY).then_some(())
        })
        .await?;
        Ok(Self {
            process,
            log,
            program,
            config,
            port,
        })
    }
}

/// Returns a port on which nothing listens.
fn free_port() -> Result<u16> {
    /// Number of ports that this process has looked at.
    static LOOKED_AT: AtomicU32 = AtomicU32::new(0);
    // Processes that run at the same time begin at different places.
    let first = process::id().wrapping_mul(7919);
    let mut ports = (0..PORTS).filter_map(|_| {
        let number = first.wrapping_add(LOOKED_AT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(FIRST_PORT + number % PORTS).ok()
    });
    ports
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("no port is free for nats-server")
}

/// Returns the address in the line about the listener for `whom`.
fn listening<'a>(line: &'a str, whom: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(LISTENING)?;
    rest.strip_prefix(whom)?.strip_prefix(" on ").map(str::trim)
}

fn port_of(address: &str) -> Option<u16> {
    let (_, port) = address.rsplit_once(':')?;
    port.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_new_and_none_of_outgoing_connections() {
        let taken = free_port().unwrap();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, taken)).unwrap();
        let others: Vec<_> = (0..50).map(|_| free_port().unwrap()).collect();
        assert!(!others.contains(&taken), "{taken}");
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
        let lowest = range
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse().ok());
        assert!(others.iter().all(|port| *port < lowest.unwrap_or(32_768)));
    }

    #[test]
    fn addresses_are_read_from_the_log() {
        let line = "[7] 2026/01/01 00:00:00.000000 [INF] Listening for client connections on 127.0.0.1:35561";
        let address = listening(line, "client connections").unwrap();
        assert_eq!(port_of(address), Some(35561));
        assert_eq!(listening(line, "MQTT clients"), None);
        assert_eq!(
            listening("[7] [INF] Server is ready", "client connections"),
            None
        );
        let line = "[7] [INF] Listening for websocket clients on wss://127.0.0.1:42573";
        let address = listening(line, "websocket clients");
        assert_eq!(address, Some("wss://127.0.0.1:42573"));
    }
}
