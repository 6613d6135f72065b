//! The program `portcullis`.

use std::env;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{Built, Event, PATIENCE, Recording, leaks};

/// The variable with the log level of hosts, for tests that do not set one.
const LOG_LEVEL: &str = "PORTCULLIS_TEST_LOG_LEVEL";

/// A running `portcullis serve`; dropping it kills it.
///
/// Panics on drop if its output contained a secret, so that every test checks for leaks.
#[derive(Debug)]
pub struct Host {
    process: Child,
    log: Recording<Event>,
}

/// The result of a `portcullis` process that exits by itself.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` if a signal ended the process.
    pub code: Option<i32>,
    /// The text on standard output.
    pub stdout: String,
    /// The text on standard error.
    pub stderr: String,
}

impl Host {
    /// Message of a host that decides logins.
    pub const TAKES_PART: &str = "the host takes part";
    /// Message of a host that leaves logins to others.
    pub const LEAVES: &str = "the host cannot decide and leaves logins to other hosts";
    /// Message of a host that denies every login because no other host takes it.
    pub const DENIES_ALONE: &str =
        "the host cannot decide and no other host takes part: it takes logins and denies them";

    /// Message of a host that may be in the wrong account and finds no other host.
    pub const DECIDES_ALONE: &str =
        "the host has an obstacle and no other host takes part: it takes logins and decides them";
    /// Message of a host that can neither decide nor ask for other hosts.
    pub const CANNOT_FIND_OTHERS: &str =
        "the host cannot decide and cannot find other hosts: it leaves logins to them";

    /// Starts `portcullis serve` with the configuration file `config` and these additional
    /// arguments, without waiting for it.
    ///
    /// # Errors
    ///
    /// Fails if the program cannot be started.
    pub fn spawn(config: &Path, arguments: &[&str]) -> Result<Self> {
        Self::spawn_in(config, arguments, &[])
    }

    /// Starts `portcullis serve` as [`Self::spawn`] does, with these environment variables.
    ///
    /// # Errors
    ///
    /// Fails if the program cannot be started.
    pub fn spawn_in(
        config: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> Result<Self> {
        let arguments = [&["--config", path_text(config)?], arguments].concat();
        Self::start("serve", &arguments, environment)
    }

    /// Starts `portcullis resolver` with the store in the directory `store` and these additional
    /// arguments, at an address that the system chooses. Waits until it serves, and returns its
    /// address too.
    ///
    /// # Errors
    ///
    /// Fails if the program does not serve.
    pub async fn resolver(store: &Path, arguments: &[&str]) -> Result<(Self, String)> {
        let own = ["--listen", "127.0.0.1:0", "--store", path_text(store)?];
        let host = Self::start("resolver", &[&own, arguments].concat(), &[])?;
        let served = host.says("accounts served").await?;
        Ok((host, served.text("resolver.address").to_owned()))
    }

    fn start(command: &str, arguments: &[&str], environment: &[(&str, String)]) -> Result<Self> {
        let program = Built::portcullis()?;
        let level = env::var(LOG_LEVEL).ok();
        let level = level.filter(|_| !arguments.contains(&"--log-level"));
        let level = level.map(|level| ["--log-level".to_owned(), level]);
        let mut process = Command::new(&program)
            .args([command, "--log-format", "json"])
            .args(arguments)
            .args(level.into_iter().flatten())
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let stderr = process.stderr.take().context("portcullis has no stderr")?;
        Ok(Self {
            process,
            log: Recording::of(stderr, Event::read),
        })
    }

    /// Waits until the host decides logins.
    ///
    /// # Errors
    ///
    /// Fails if the host does not log so in time.
    pub async fn decides(&self) -> Result<Event> {
        self.says("ready").await
    }

    /// Waits until the host takes logins and denies them: it cannot decide and is alone.
    ///
    /// # Errors
    ///
    /// Fails if the host does not log so in time.
    pub async fn denies_alone(&self) -> Result<Event> {
        self.says(Self::DENIES_ALONE).await
    }

    /// Waits until the host takes logins: it decides them, or it cannot, is alone and denies them.
    ///
    /// # Errors
    ///
    /// Fails if the host does not log so in time.
    pub async fn ready(&self) -> Result<Event> {
        self.wait_for("`ready`", |event| {
            event.says("ready") || event.says(Self::DENIES_ALONE)
        })
        .await
    }

    /// Waits until the log has a line with this message, from the first line on.
    ///
    /// # Errors
    ///
    /// Fails if the host ends or [`PATIENCE`] passes.
    pub async fn says(&self, message: &str) -> Result<Event> {
        self.says_from(0, message).await
    }

    /// Waits until the log has a line with this message, from `mark` on.
    ///
    /// # Errors
    ///
    /// Fails if the host ends or [`PATIENCE`] passes.
    pub async fn says_from(&self, mark: usize, message: &str) -> Result<Event> {
        let awaited = format!("`{message}`");
        self.wait_from(mark, &awaited, |event| event.says(message))
            .await
    }

    /// Returns the host's log.
    pub const fn log(&self) -> &Recording<Event> {
        &self.log
    }

    /// Waits until the log has an event that `wanted` accepts, from the first line on.
    ///
    /// # Errors
    ///
    /// Fails if the host ends or [`PATIENCE`] passes.
    pub async fn wait_for(&self, awaited: &str, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        self.wait_from(0, awaited, wanted).await
    }

    /// Waits until the log has an event that `wanted` accepts, from `mark` on, which is an earlier
    /// length of [`Self::log`].
    ///
    /// # Errors
    ///
    /// Fails if the host ends or [`PATIENCE`] passes.
    pub async fn wait_from(
        &self,
        mark: usize,
        awaited: &str,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Event> {
        let pick = |event: &Event| wanted(event).then(|| event.clone());
        self.log.first_from(mark, awaited, pick).await
    }

    /// Waits until the policy `name` was loaded and published since `mark`. Returns the event of
    /// the load.
    ///
    /// # Errors
    ///
    /// Fails if the host ends or [`PATIENCE`] passes.
    pub async fn published_from(&self, mark: usize, name: &str) -> Result<Event> {
        let mut loaded = None;
        let pick = |event: &Event| {
            if event.says("policy loaded") && event.text("policy.name") == name {
                loaded = Some(event.clone());
            }
            loaded.clone().filter(|_| event.says("policies published"))
        };
        let awaited = format!("`{name}` to be loaded and published");
        self.log.first_from(mark, &awaited, pick).await
    }

    /// Waits for the decision on the login of the connection named `client`.
    ///
    /// # Errors
    ///
    /// Fails if the host does not log it in time.
    pub async fn decision(&self, client: &str) -> Result<Event> {
        let awaited = format!("the decision on `{client}`");
        self.wait_for(&awaited, |event| event.decides(client)).await
    }

    /// Returns whether the host is still running.
    ///
    /// # Errors
    ///
    /// Fails if the system does not report the state.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }

    /// Returns the process id of the host.
    ///
    /// # Errors
    ///
    /// Fails if the host has ended already.
    pub fn id(&self) -> Result<u32> {
        self.process.id().context("the host is not running")
    }

    /// Kills the host, so that it cannot clean up, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// Fails if the host cannot be killed.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Sends the host the signal to stop, as a service manager does, without waiting for it.
    ///
    /// # Errors
    ///
    /// Fails if the host has ended already.
    pub async fn ask_to_stop(&self) -> Result<()> {
        self.signal("-TERM").await
    }

    /// Sends the host a signal, such as `-HUP`.
    ///
    /// # Errors
    ///
    /// Fails if the host has ended already.
    pub async fn signal(&self, signal: &str) -> Result<()> {
        let id = self.id()?;
        let kill = Command::new("kill")
            .args([signal, &id.to_string()])
            .status();
        ensure!(
            kill.await?.success(),
            "cannot send {signal} to process {id}"
        );
        Ok(())
    }

    /// Waits until the host has ended. Returns the exit code; `None` if a signal ended the host.
    ///
    /// # Errors
    ///
    /// Fails if it does not end in time.
    pub async fn ended(&mut self) -> Result<Option<i32>> {
        let status = timeout(PATIENCE, self.process.wait())
            .await
            .context("the host did not end in time")??;
        self.log.ended().await?;
        Ok(status.code())
    }
}

impl Drop for Host {
    #[expect(clippy::panic, reason = "a secret in a log is to end the test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for event in self.log.all() {
            if let Some(secret) = leaks::found_in(event.line()) {
                panic!("`{secret}` is secret and stands in {event:?}");
            }
        }
    }
}

/// Returns a path as text.
pub(crate) fn path_text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("`{}` is not text", path.display()))
}

/// Runs a `portcullis` command that exits by itself, with `input` on its standard input.
///
/// # Errors
///
/// Fails if the command cannot be started or does not exit in time.
pub async fn run_portcullis(arguments: &[&str], input: &str) -> Result<Finished> {
    run_portcullis_in(arguments, input, &[]).await
}

/// Runs a `portcullis` command as [`run_portcullis`] does, with these environment variables.
///
/// # Errors
///
/// Fails if the command cannot be started or does not exit in time.
pub async fn run_portcullis_in(
    arguments: &[&str],
    input: &str,
    environment: &[(&str, String)],
) -> Result<Finished> {
    let program = Built::portcullis()?;
    let mut process = Command::new(&program)
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    let mut stdin = process.stdin.take().context("portcullis has no stdin")?;
    // A program that does not read its input may have closed it.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = timeout(PATIENCE, process.wait_with_output())
        .await
        .with_context(|| format!("`portcullis {}` did not end", arguments.join(" ")))??;
    Ok(Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Returns the output of `portcullis hash` for `secret`, with these additional arguments.
///
/// # Errors
///
/// Fails if the command fails.
pub async fn hash(secret: &str, arguments: &[&str]) -> Result<String> {
    let arguments: Vec<_> = std::iter::once("hash")
        .chain(arguments.iter().copied())
        .collect();
    let finished = run_portcullis(&arguments, &format!("{secret}\n")).await?;
    ensure!(
        finished.code == Some(0),
        "`portcullis hash` failed: {finished:?}"
    );
    Ok(finished.stdout.trim().to_owned())
}
