//! The reference callout, in a program of ours: `bench/peers/callout-go`.

use std::process::Stdio;

use anyhow::{Context, Result};
use portcullis_harness::{Built, NatsServer, Recording, Site};
use tokio::process::{Child, Command};

use super::setup::write_users;

/// A running service made with callout.go; dropping it kills it.
#[derive(Debug)]
pub struct CalloutGo {
    process: Child,
    _said: Recording<String>,
}

impl CalloutGo {
    /// Starts a service for `server` with the user of every comparison, and waits until it answers.
    ///
    /// # Errors
    ///
    /// Fails if the service does not start.
    pub async fn start(
        site: &Site,
        server: &NatsServer,
        encrypts: bool,
        options: &[(&str, u32)],
    ) -> Result<Self> {
        let program = Built::callout_go()?;
        let keys = site.path().join("keys");
        let mut command = Command::new(&program);
        command.args(["--url", &server.url()]);
        command
            .arg("--nkey-seed-file")
            .arg(keys.join("callout.nk"))
            .arg("--issuer-seed-file")
            .arg(keys.join("issuer.nk"))
            .arg("--users")
            .arg(write_users(site)?);
        if encrypts {
            command.arg("--xkey-seed-file").arg(keys.join("curve.nk"));
        }
        for (flag, number) in options {
            command.args([*flag, &number.to_string()]);
        }
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let stdout = process
            .stdout
            .take()
            .context("callout.go has no standard output")?;
        let said = Recording::of(stdout, |line| line);
        let ready = |line: &String| (line == "ready").then_some(());
        said.first_from(0, "callout.go to be ready", ready).await?;
        Ok(Self {
            process,
            _said: said,
        })
    }

    /// Returns the process id of the service.
    ///
    /// # Errors
    ///
    /// Fails if the service has ended already.
    pub fn id(&self) -> Result<u32> {
        self.process.id().context("callout.go is not running")
    }
}
