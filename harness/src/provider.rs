//! A third-party `OpenID` provider, with a process for each.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::{Built, PATIENCE};

/// A running provider at an address of its own, with one RSA key named `first`; dropping it kills
/// it.
#[derive(Debug)]
pub struct Provider {
    _process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    issuer: String,
}

/// The numbers of requests that a provider received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetches {
    /// The number of requests for its keys.
    pub keys: u64,
    /// The number of requests for its configuration.
    pub configuration: u64,
}

impl Provider {
    /// The audience of access tokens.
    pub const AUDIENCE: &str = "urn:nats";
    /// The audience of ID tokens: the client that requests them.
    pub const CLIENT: &str = "service";

    /// Starts a provider and waits until it listens.
    ///
    /// # Errors
    ///
    /// Fails if the provider does not start.
    pub async fn start() -> Result<Self> {
        let mut process = Command::new(Built::node()?)
            .arg(Built::provider()?.join("provider.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the provider")?;
        let commands = process.stdin.take().context("the provider has no stdin")?;
        let output = process
            .stdout
            .take()
            .context("the provider has no stdout")?;
        let mut provider = Self {
            _process: process,
            commands,
            answers: BufReader::new(output).lines(),
            issuer: String::new(),
        };
        let started = provider.answer().await?;
        provider.issuer = text(&started, "issuer")?;
        Ok(provider)
    }

    /// Returns the provider's `iss`, which is also its address.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Requests an access token with `claims` and this lifetime in seconds, by client credentials.
    ///
    /// # Errors
    ///
    /// Fails if the provider issues none.
    pub async fn access_token(&mut self, claims: &Value, lifetime: u32) -> Result<String> {
        self.access_token_for(Self::AUDIENCE, claims, lifetime)
            .await
    }

    /// Requests an access token for a different audience, with `claims` and this lifetime in
    /// seconds.
    ///
    /// # Errors
    ///
    /// Fails if the provider issues none.
    pub async fn access_token_for(
        &mut self,
        audience: &str,
        claims: &Value,
        lifetime: u32,
    ) -> Result<String> {
        let command = json!({
            "do": "client-credentials", "audience": audience, "claims": claims, "lifetime": lifetime,
        });
        text(&self.command(&command).await?, "token")
    }

    /// Requests an ID token of the user `alice` with `claims` and this lifetime in seconds. The
    /// user signs in as with a browser, and the code is exchanged.
    ///
    /// # Errors
    ///
    /// Fails if the provider issues none.
    pub async fn id_token(&mut self, claims: &Value, lifetime: u32) -> Result<String> {
        let command = json!({ "do": "authorization-code", "claims": claims, "lifetime": lifetime });
        text(&self.command(&command).await?, "token")
    }

    /// Makes the provider sign with a new key. The arguments are the key's id, and its algorithm:
    /// `RS256`, `ES256` or `EdDSA`. The provider publishes the earlier keys only if `keep` is true.
    ///
    /// # Errors
    ///
    /// Fails if the provider does not confirm it.
    pub async fn rotate(&mut self, kid: &str, algorithm: &str, keep: bool) -> Result<()> {
        let command = json!({ "do": "rotate", "kid": kid, "algorithm": algorithm, "keep": keep });
        self.command(&command).await.map(drop)
    }

    /// Makes the provider answer every request with status 503, or stops that.
    ///
    /// # Errors
    ///
    /// Fails if the provider does not confirm it.
    pub async fn be_down(&mut self, down: bool) -> Result<()> {
        let command = json!({ "do": if down { "down" } else { "up" } });
        self.command(&command).await.map(drop)
    }

    /// Returns the numbers of requests so far, without those that the provider did not answer.
    ///
    /// # Errors
    ///
    /// Fails if the provider does not report them.
    pub async fn fetches(&mut self) -> Result<Fetches> {
        let answer = self.command(&json!({ "do": "fetches" })).await?;
        let count = |field| answer.get(field).and_then(Value::as_u64);
        Ok(Fetches {
            keys: count("keys").context("no count of keys")?,
            configuration: count("configuration").context("no count of configurations")?,
        })
    }

    async fn command(&mut self, command: &Value) -> Result<Value> {
        let line = format!("{command}\n");
        self.commands.write_all(line.as_bytes()).await?;
        let answer = self.answer().await?;
        if let Some(failed) = answer.get("failed") {
            bail!("the provider cannot: {failed}");
        }
        Ok(answer)
    }

    async fn answer(&mut self) -> Result<Value> {
        let line = timeout(PATIENCE, self.answers.next_line())
            .await
            .context("the provider does not answer")??;
        let line = line.context("the provider ended")?;
        serde_json::from_str(&line).with_context(|| format!("the provider says `{line}`"))
    }
}

fn text(answer: &Value, field: &str) -> Result<String> {
    let text = answer.get(field).and_then(Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("the provider's answer has no `{field}`"))
}
