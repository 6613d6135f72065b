//! The nats-server of a test bed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use notify::{RecursiveMode, Watcher as _};
use portcullis_config::ServerAddress;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::child;
use crate::exit::ExitCode;
use crate::failure::Failure;

/// Maximum time until the server listens.
const START_LIMIT: Duration = Duration::from_mins(1);
/// Maximum time until the server has ended, before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Number of lines of the server's log that an error shows.
const SHOWN: usize = 5;

/// A running nats-server on a free port of the loopback interface. Dropping it kills it.
pub(super) struct Server {
    process: Child,
    /// Address for clients.
    pub(super) address: ServerAddress,
    log: PathBuf,
}

impl Server {
    /// Starts `program` with the configuration file `config`, and waits until it listens. The
    /// server writes its log to `directory`.
    ///
    /// # Errors
    ///
    /// Fails if the program is not installed, or if it ends or does not listen in time.
    pub(super) async fn start(
        program: &Path,
        config: &Path,
        directory: &Path,
    ) -> Result<Self, Failure> {
        let (log, ports) = (directory.join("nats-server.log"), directory.join("ports"));
        let listening = Listening::expect(&ports).map_err(Failure::internal)?;
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(config)
            .args(["--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir"])
            .arg(&ports)
            .arg("--log")
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // A terminal's SIGINT is for the command: the server ends after it.
            .process_group(0)
            .kill_on_drop(true);
        let mut process = command.spawn().map_err(|error| {
            let code = match error.kind() {
                ErrorKind::NotFound => ExitCode::NoToolchain,
                _ => ExitCode::Internal,
            };
            let context = format!(
                "cannot start `{}`: install nats-server 2.10 or later, or name its program with `--nats-server`",
                program.display()
            );
            Failure::new(code, anyhow::Error::new(error).context(context))
        })?;
        let address = tokio::select! {
            address = timeout(START_LIMIT, listening.address()) => address,
            _ = process.wait() => return Err(ended(&log)),
        };
        let address = address.map_err(anyhow::Error::new).flatten();
        let address = address.context("nats-server does not tell its address");
        Ok(Self {
            process,
            address: address.map_err(|error| Failure::new(ExitCode::Unreachable, error))?,
            log,
        })
    }

    /// Waits until the server has ended by itself. Returns why that is a failure.
    pub(super) async fn lost(&mut self) -> Failure {
        // Without a status, the process is as good as lost.
        let _ = self.process.wait().await;
        ended(&self.log)
    }

    /// Ends the server.
    ///
    /// # Errors
    ///
    /// Fails if the operating system refuses.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let ended = child::end(&mut self.process, STOP_LIMIT).await;
        ended.map(drop).map_err(Failure::internal)
    }
}

/// Returns the failure of a server that has ended, with the end of its log.
fn ended(log: &Path) -> Failure {
    // A server that reads no configuration writes no log. Its words are on standard error.
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let hidden = lines.len().saturating_sub(SHOWN);
    let shown: Vec<_> = lines.iter().skip(hidden).map(|line| line.trim()).collect();
    let error = match shown.as_slice() {
        [] => anyhow::anyhow!("nats-server ended"),
        shown => anyhow::anyhow!("nats-server ended: {}", shown.join(" / ")),
    };
    Failure::new(ExitCode::Unreachable, error)
}

/// The wait for the file in which a server tells its addresses.
struct Listening {
    directory: PathBuf,
    changed: Arc<Notify>,
    _watcher: notify::RecommendedWatcher,
}

impl Listening {
    /// Creates `directory`, where the file will be, and watches it.
    fn expect(directory: &Path) -> anyhow::Result<Self> {
        let changed = Arc::new(Notify::new());
        let notice = Arc::clone(&changed);
        fs::create_dir(directory)?;
        // An error may hide a change, so it counts as one.
        let mut watcher = notify::recommended_watcher(move |_| notice.notify_one())?;
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
        Ok(Self {
            directory: directory.to_owned(),
            changed,
            _watcher: watcher,
        })
    }

    /// Waits for the address for clients.
    async fn address(self) -> anyhow::Result<ServerAddress> {
        loop {
            // A file that is being written is not JSON yet.
            for entry in fs::read_dir(&self.directory)? {
                let told = fs::read(entry?.path()).unwrap_or_default();
                let told = serde_json::from_slice::<Value>(&told).unwrap_or_default();
                if let Some(address) = told.pointer("/nats/0").and_then(Value::as_str) {
                    return Ok(address.parse()?);
                }
            }
            self.changed.notified().await;
        }
    }
}
