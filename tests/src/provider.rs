//! An `OpenID` provider that others wrote, one process each.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::{Built, PATIENCE};

/// A running provider at an address of its own, with one RSA key called `first`; dropping it kills it.
#[derive(Debug)]
pub struct Provider {
    _process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    issuer: String,
}

/// How often a provider was asked for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetches {
    /// For its keys.
    pub keys: u64,
    /// For its configuration.
    pub configuration: u64,
}

impl Provider {
    /// The audience of access tokens.
    pub const AUDIENCE: &str = "urn:nats";
    /// The audience of ID tokens: the client that asks for them.
    pub const CLIENT: &str = "service";

    /// Starts a provider and waits until it listens.
    ///
    /// # Errors
    ///
    /// If it does not start.
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

    /// Its `iss`, which is where it listens too.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token that says `claims` and lasts for `lifetime` seconds, by client credentials.
    ///
    /// # Errors
    ///
    /// If the provider gives none.
    pub async fn access_token(&mut self, claims: &Value, lifetime: u32) -> Result<String> {
        self.access_token_for(Self::AUDIENCE, claims, lifetime)
            .await
    }

    /// The same for another audience.
    ///
    /// # Errors
    ///
    /// If the provider gives none.
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

    /// An ID token of the user `alice` that says `claims` and lasts for `lifetime` seconds: somebody signs in as with a browser,
    /// and the code is exchanged.
    ///
    /// # Errors
    ///
    /// If the provider gives none.
    pub async fn id_token(&mut self, claims: &Value, lifetime: u32) -> Result<String> {
        let command = json!({ "do": "authorization-code", "claims": claims, "lifetime": lifetime });
        text(&self.command(&command).await?, "token")
    }

    /// Signs with a new key from now on: its id, and its algorithm, one of `RS256`, `ES256` and `EdDSA`. The keys before it are
    /// published with it only if `keep` says so.
    ///
    /// # Errors
    ///
    /// If the provider does not.
    pub async fn rotate(&mut self, kid: &str, algorithm: &str, keep: bool) -> Result<()> {
        let command = json!({ "do": "rotate", "kid": kid, "algorithm": algorithm, "keep": keep });
        self.command(&command).await.map(drop)
    }

    /// Answers every request with status 503 from now on, or no longer.
    ///
    /// # Errors
    ///
    /// If the provider does not.
    pub async fn be_down(&mut self, down: bool) -> Result<()> {
        let command = json!({ "do": if down { "down" } else { "up" } });
        self.command(&command).await.map(drop)
    }

    /// How often it was asked for what so far, requests that it did not answer aside.
    ///
    /// # Errors
    ///
    /// If the provider does not say.
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
