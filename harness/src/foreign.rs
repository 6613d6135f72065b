//! Third-party clients, with one process for each login.

mod login;

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

pub use login::Login;

use crate::{Built, PATIENCE};

/// A third-party client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignClient {
    /// nats-py.
    Python,
    /// nats.js.
    JavaScript,
    /// paho-mqtt, for MQTT.
    Mqtt,
    /// nats.go. Available if Go is installed.
    Go,
}

/// An action of a client after its login.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Asks the server for the client's permissions: `{"info": …}`.
    UserInfo,
    /// Publishes on a subject: `{"accepted": true}` or `{"refused": error}`.
    Publish(&'a str),
    /// Subscribes to a subject: `{"accepted": true}` or `{"refused": error}`.
    Subscribe(&'a str),
    /// Sends a request with a payload: `{"reply": text}`.
    Request(&'a str, &'a str),
    /// Publishes a payload on a topic that the client has subscribed to: `{"heard": text}`. MQTT
    /// only.
    PublishAndHear(&'a str, &'a str),
    /// Acts on streams, buckets or services, as the fields of this object say (`intents.py`):
    /// `{"got": text}`. nats-py and nats.js only.
    Act(&'a Value),
    /// Waits until the server closes the connection: `{"closed": bool, "errors": […]}`.
    ExpectClosed(Duration),
}

/// The results of a session.
#[derive(Debug, Deserialize)]
pub struct Session {
    /// Whether the client's login was accepted.
    pub connected: bool,
    /// The errors that the client received if its login was refused.
    #[serde(default)]
    pub errors: Vec<String>,
    /// The result of each step.
    #[serde(default)]
    pub results: Vec<Value>,
    /// The complete message that a refused client receives.
    #[serde(skip)]
    refusal: &'static str,
}

impl ForeignClient {
    /// Logs in at `url` as a connection named `name`, performs `steps` and disconnects.
    ///
    /// # Errors
    ///
    /// Fails if the client program fails; a refused login or step is not a failure.
    pub async fn run(
        self,
        url: &str,
        login: impl Into<Login>,
        name: &str,
        steps: &[Step<'_>],
    ) -> Result<Session> {
        let mut process = self
            .command()?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start the {self:?} client"))?;
        let steps = steps.iter().map(|step| step.to_json()).collect();
        let login = login.into().to_json(url, name, steps).to_string();
        let mut stdin = process.stdin.take().context("the client has no stdin")?;
        stdin.write_all(login.as_bytes()).await?;
        drop(stdin);
        let output = timeout(PATIENCE, process.wait_with_output())
            .await
            .with_context(|| format!("the {self:?} client did not end"))??;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "the {self:?} client failed: {complaint}"
        );
        let session = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the {self:?} client printed no result: {complaint}"))?;
        Ok(Session {
            refusal: self.refusal(),
            ..session
        })
    }

    /// Returns why this client cannot be run here; `None` if it can.
    pub fn missing(self) -> Option<&'static str> {
        (self == Self::Go && Built::go_client().is_none()).then_some("no go")
    }

    /// Returns the protocol's message for a refused login without a reason.
    const fn refusal(self) -> &'static str {
        match self {
            Self::Python | Self::JavaScript | Self::Go => "Authorization Violation",
            Self::Mqtt => "Not authorized",
        }
    }

    fn command(self) -> Result<Command> {
        if self == Self::Go {
            let client = Built::go_client().context("`PORTCULLIS_GO_CLIENT` is not set")?;
            return Ok(Command::new(client));
        }
        let clients = Built::clients()?;
        let (program, script) = match self {
            Self::Python => (Built::python()?, "client.py"),
            Self::JavaScript => (Built::node()?, "client.mjs"),
            Self::Mqtt | Self::Go => (Built::python()?, "mqtt.py"),
        };
        let mut command = Command::new(program);
        command
            .arg(clients.join(script))
            .env("PYTHONPATH", clients.join("python"));
        Ok(command)
    }
}

impl Session {
    /// Returns whether the login was refused and the client received no reason.
    pub fn is_refused_without_reason(&self) -> bool {
        let told = |error: &String| {
            let bare = error.trim_start_matches("nats: ").trim_matches('\'');
            bare.eq_ignore_ascii_case(self.refusal)
        };
        !self.connected && !self.errors.is_empty() && self.errors.iter().all(told)
    }

    /// Returns a field of the result of the step at `index`; null if it is absent.
    pub fn result(&self, index: usize, field: &str) -> Value {
        let result = self.results.get(index);
        result
            .and_then(|result| result.get(field))
            .cloned()
            .unwrap_or_default()
    }

    /// Returns whether the step at `index` was accepted.
    pub fn accepted(&self, index: usize) -> bool {
        self.result(index, "accepted") == json!(true)
    }

    /// Returns whether the step at `index` was refused for lack of permission.
    pub fn refused(&self, index: usize) -> bool {
        let refused = self.result(index, "refused");
        refused
            .as_str()
            .is_some_and(|error| error.to_lowercase().contains("permissions violation"))
    }
}

impl Step<'_> {
    fn to_json(self) -> Value {
        match self {
            Self::UserInfo => json!({ "do": "user-info" }),
            Self::Publish(subject) => json!({ "do": "publish", "subject": subject }),
            Self::Subscribe(subject) => json!({ "do": "subscribe", "subject": subject }),
            Self::Request(subject, payload) => {
                json!({ "do": "request", "subject": subject, "payload": payload })
            }
            Self::PublishAndHear(subject, payload) => {
                json!({ "do": "publish-and-hear", "subject": subject, "payload": payload })
            }
            Self::Act(action) => action.clone(),
            Self::ExpectClosed(time) => {
                json!({ "do": "expect-closed", "seconds": time.as_secs() })
            }
        }
    }
}
