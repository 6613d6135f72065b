//! A real nats-server.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::process::{Child, Command};

use crate::{Recording, Release};

/// What the server writes once it accepts connections; then come of which kind, ` on `, and the address.
const LISTENING: &str = "Listening for ";
/// What the server writes once it answers them.
const READY: &str = "Server is ready";

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
    /// Starts a server on a port that the system chooses, and waits until it is ready. The file may
    /// name another address: it is overridden.
    ///
    /// # Errors
    ///
    /// If the server does not start; the message quotes what it wrote.
    pub async fn start(release: Release, config: &Path) -> Result<Self> {
        Self::spawn(release.program()?, config.to_owned(), None).await
    }

    /// Stops this server; what is returned starts it again on the same port.
    ///
    /// # Errors
    ///
    /// If it cannot be stopped.
    pub async fn stop(mut self) -> Result<impl Future<Output = Result<Self>>> {
        self.process.kill().await?;
        Ok(Self::spawn(self.program, self.config, Some(self.port)))
    }

    /// The address for clients, for example `nats://127.0.0.1:41235`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port for clients.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address for WebSocket, for example `ws://127.0.0.1:41235`.
    ///
    /// # Errors
    ///
    /// If the configuration has no block `websocket`.
    pub fn websocket_url(&self) -> Result<String> {
        self.address("websocket clients")
    }

    /// The address for MQTT, for example `mqtt://127.0.0.1:41235`.
    ///
    /// # Errors
    ///
    /// If the configuration has no block `mqtt`.
    pub fn mqtt_url(&self) -> Result<String> {
        self.address("MQTT clients")
    }

    /// The port for MQTT.
    ///
    /// # Errors
    ///
    /// If the configuration has no block `mqtt`.
    pub fn mqtt_port(&self) -> Result<u16> {
        port_of(&self.mqtt_url()?).context("no port for MQTT")
    }

    /// The port for leafnodes.
    ///
    /// # Errors
    ///
    /// If the configuration has no block `leafnodes`.
    pub fn leafnode_port(&self) -> Result<u16> {
        port_of(&self.address("leafnode connections")?).context("no port for leafnodes")
    }

    /// The port where it says that it listens for `whom`, for example `route connections`.
    ///
    /// # Errors
    ///
    /// If it does not say so within a minute.
    pub async fn port_for(&self, whom: &str) -> Result<u16> {
        // Listeners for other servers may come after those for clients.
        let awaited = format!("nats-server to listen for {whom}");
        let pick = |line: &String| port_of(listening(line, whom)?);
        self.log.first_from(0, &awaited, pick).await
    }

    /// Its process id.
    ///
    /// # Errors
    ///
    /// If the server is gone already.
    pub fn id(&self) -> Result<u32> {
        self.process.id().context("nats-server is not running")
    }

    /// What the server wrote.
    pub const fn log(&self) -> &Recording<String> {
        &self.log
    }

    /// Where it listens for `whom`. It has said so by the time it is ready.
    fn address(&self, whom: &str) -> Result<String> {
        let lines = self.log.all();
        let address = lines.iter().find_map(|line| listening(line, whom));
        let address = address.with_context(|| format!("nats-server does not listen for {whom}"))?;
        Ok(address.to_owned())
    }

    async fn spawn(program: PathBuf, config: PathBuf, port: Option<u16>) -> Result<Self> {
        let mut process = Command::new(&program)
            .arg("--config")
            .arg(&config)
            .args(["--addr", "127.0.0.1", "--port"])
            .arg(port.map_or("-1".to_owned(), |port| port.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let stderr = process.stderr.take().context("nats-server has no stderr")?;
        let log = Recording::of(stderr, |line| line);
        let port = log
            .first_from(0, "nats-server to listen", |line| {
                port_of(listening(line, "client connections")?)
            })
            .await?;
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

/// The address in the line that says where the server listens for `whom`.
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
