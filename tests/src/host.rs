//! The program `portcullis`.

use std::env;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{Built, Event, PATIENCE, Recording, leaks};

/// How much hosts say, unless a test has something else in mind.
const LOG_LEVEL: &str = "PORTCULLIS_TEST_LOG_LEVEL";

/// A running `portcullis serve`; dropping it kills it.
///
/// Panics when it is dropped if there was a secret in what it wrote: whatever a test is about, it is about that too.
#[derive(Debug)]
pub struct Host {
    process: Child,
    log: Recording<Event>,
}

/// What a `portcullis` that ends by itself leaves behind.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
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

    /// Starts `portcullis serve` with the configuration file `config` and these further arguments,
    /// without waiting for anything.
    ///
    /// # Errors
    ///
    /// If the program cannot be started.
    pub fn spawn(config: &Path, arguments: &[&str]) -> Result<Self> {
        Self::spawn_in(config, arguments, &[])
    }

    /// The same with these environment variables.
    ///
    /// # Errors
    ///
    /// If the program cannot be started.
    pub fn spawn_in(
        config: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> Result<Self> {
        let program = Built::portcullis()?;
        let level = env::var(LOG_LEVEL).ok();
        let level = level.filter(|_| !arguments.contains(&"--log-level"));
        let level = level.map(|level| ["--log-level".to_owned(), level]);
        let mut process = Command::new(&program)
            .args(["serve", "--log-format", "json", "--config"])
            .arg(config)
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
    /// If it never says so.
    pub async fn decides(&self) -> Result<Event> {
        self.says("ready").await
    }

    /// Waits until the host takes logins and denies them: it cannot decide and is alone.
    ///
    /// # Errors
    ///
    /// If it never says so.
    pub async fn denies_alone(&self) -> Result<Event> {
        self.says(Self::DENIES_ALONE).await
    }

    /// Waits until the host takes logins: it decides them, or it cannot, is alone and denies them.
    ///
    /// # Errors
    ///
    /// If it never says so.
    pub async fn ready(&self) -> Result<Event> {
        self.wait_for("`ready`", |event| {
            event.says("ready") || event.says(Self::DENIES_ALONE)
        })
        .await
    }

    /// Waits until the log has a line with this message, from its beginning on.
    ///
    /// # Errors
    ///
    /// If the host ends or [`PATIENCE`] passes.
    pub async fn says(&self, message: &str) -> Result<Event> {
        self.says_from(0, message).await
    }

    /// Waits until the log has a line with this message, from `mark` on.
    ///
    /// # Errors
    ///
    /// If the host ends or [`PATIENCE`] passes.
    pub async fn says_from(&self, mark: usize, message: &str) -> Result<Event> {
        let awaited = format!("`{message}`");
        self.wait_from(mark, &awaited, |event| event.says(message))
            .await
    }

    /// What the host logged.
    pub const fn log(&self) -> &Recording<Event> {
        &self.log
    }

    /// Waits until the log has an event that `wanted` accepts, from its beginning on.
    ///
    /// # Errors
    ///
    /// If the host ends or [`PATIENCE`] passes.
    pub async fn wait_for(&self, awaited: &str, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        self.wait_from(0, awaited, wanted).await
    }

    /// Waits until the log has an event that `wanted` accepts, from `mark` on, which is an earlier
    /// length of [`Self::log`].
    ///
    /// # Errors
    ///
    /// If the host ends or [`PATIENCE`] passes.
    pub async fn wait_from(
        &self,
        mark: usize,
        awaited: &str,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Event> {
        let pick = |event: &Event| wanted(event).then(|| event.clone());
        self.log.first_from(mark, awaited, pick).await
    }

    /// Waits until the policy `name` has been loaded since `mark` and published; what loading it said.
    ///
    /// # Errors
    ///
    /// If the host ends or [`PATIENCE`] passes.
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

    /// The decision on the login of the connection named `client`.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn decision(&self, client: &str) -> Result<Event> {
        let awaited = format!("the decision on `{client}`");
        self.wait_for(&awaited, |event| event.decides(client)).await
    }

    /// Whether the host is still running.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }

    /// Its process id.
    ///
    /// # Errors
    ///
    /// If the host is gone already.
    pub fn id(&self) -> Result<u32> {
        self.process.id().context("the host is not running")
    }

    /// Kills the host, so that it cannot tidy up, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// If it is gone already.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Asks the host to stop, as a service manager does, without waiting for it.
    ///
    /// # Errors
    ///
    /// If the host is gone already.
    pub async fn ask_to_stop(&self) -> Result<()> {
        let id = self.id()?;
        let kill = Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status();
        ensure!(kill.await?.success(), "cannot signal process {id}");
        Ok(())
    }

    /// Waits until the host has ended; its exit code, none if a signal ended it.
    ///
    /// # Errors
    ///
    /// If it does not end in time.
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

/// Runs a `portcullis` that ends by itself, with `input` on its standard input.
///
/// # Errors
///
/// If it cannot be started or does not end in time.
pub async fn run_portcullis(arguments: &[&str], input: &str) -> Result<Finished> {
    let program = Built::portcullis()?;
    let mut process = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    let mut stdin = process.stdin.take().context("portcullis has no stdin")?;
    // A program that does not read its input has closed it.
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

/// What `portcullis hash` makes of `secret`, with these further arguments.
///
/// # Errors
///
/// If it fails.
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
