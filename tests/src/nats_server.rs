//! A real nats-server.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::process::{Child, Command};

use crate::{Recording, Release};

/// What the server writes once it accepts connections; the address follows.
const LISTENING: &str = "Listening for client connections on ";
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
            .first_from(0, "nats-server to listen", |line| listening_port(line))
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

fn listening_port(line: &str) -> Option<u16> {
    let (_, address) = line.split_once(LISTENING)?;
    let (_, port) = address.rsplit_once(':')?;
    port.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_log() {
        let line = "[7] 2026/01/01 00:00:00.000000 [INF] Listening for client connections on 127.0.0.1:35561";
        assert_eq!(listening_port(line), Some(35561));
        assert_eq!(listening_port("[7] [INF] Server is ready"), None);
    }
}
