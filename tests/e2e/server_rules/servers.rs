//! Servers in both modes, a service of the tests, and logins that it answers.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions, Message, Subscriber};
use futures::StreamExt;
use nkeys::KeyPair;
use portcullis_claims::{CurveKey, OpenedRequest};
use portcullis_harness::{NatsServer, Release};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::draft::{Draft, Facts};
use super::world::World;

const PATIENCE: Duration = Duration::from_secs(30);
/// The tolerance of differences between clock readings on one machine.
const SKEW: Duration = Duration::from_secs(5);

/// A server, its service, and the server's events about refused logins.
pub(super) struct Stage {
    pub(super) server: NatsServer,
    world: Box<World>,
    service: Client,
    requests: Subscriber,
    refusals: Subscriber,
    _directory: TempDir,
}

/// The server's reaction to a response.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The login is accepted. The value is the answer of `$SYS.REQ.USER.INFO`, if the client may
    /// ask.
    In(Option<Value>),
    /// The login is refused, for this reason.
    Out(String),
    /// The server has crashed.
    Gone,
}

/// An answered login.
pub(super) struct Answered {
    pub(super) facts: Facts,
    pub(super) response: String,
    pub(super) sealed: bool,
    pub(super) outcome: Outcome,
}

impl Stage {
    pub(super) async fn set(release: Release, world: Box<World>) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("portcullis-").tempdir()?;
        let config = directory.path().join("nats-server.conf");
        fs::write(&config, world.server_config())?;
        let server = NatsServer::start(release, &config).await?;
        let service = match world.service_credentials()? {
            Some(credentials) => ConnectOptions::with_credentials(&credentials)?,
            None => ConnectOptions::with_nkey(world.service.seed()?),
        };
        let service = service.connect(server.url()).await?;
        let requests = service
            .queue_subscribe("$SYS.REQ.USER.AUTH", "q".to_owned())
            .await?;
        let refusals = service.subscribe("$SYS.ACCOUNT.CLIENT.AUTH.ERR").await?;
        // The server processes messages in order, so the echo arrives after the subscriptions are
        // active.
        let mut echo = service.subscribe("ready").await?;
        service.publish("ready", "".into()).await?;
        let echo = timeout(PATIENCE, echo.next()).await;
        echo.context("the server did not answer the service")?;
        Ok(Self {
            server,
            world,
            service,
            requests,
            refusals,
            _directory: directory,
        })
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// Logs in a client, answers the server's request with what `edit` makes of a correct response,
    /// and returns the result.
    pub(super) async fn answer(
        &mut self,
        edit: for<'a> fn(&mut Draft<'a>, &'a World, &Facts),
    ) -> Result<Answered> {
        let login = tokio::spawn(log_in(self.server.port(), self.world.connect()));
        let message = timeout(PATIENCE, self.requests.next())
            .await
            .context("the server did not ask")?
            .context("the service's connection ended")?;
        let (opened, server_xkey) = self.open(&message)?;
        let request = opened.request();
        let client = request.client.id;
        let facts = Facts {
            user_nkey: request.user_nkey.to_string(),
            server_id: request.server.id.to_string(),
            client_user: request.client.user.clone(),
            now: now()?,
        };
        let mut draft = self.world.draft(&facts);
        edit(&mut draft, &self.world, &facts);
        let sealed = draft.sealed;
        let response = draft.finish()?;
        let payload = match (sealed, &self.world.curve, server_xkey) {
            (false, _, _) => response.clone().into_bytes(),
            (true, Some(curve), Some(server)) => {
                curve.seal(response.as_bytes(), &server.parse()?)?
            }
            (true, _, _) => anyhow::bail!("the server does not encrypt"),
        };
        let reply = message.reply.context("the request has no reply subject")?;
        self.service.publish(reply, payload.into()).await?;
        self.service.flush().await.ok();
        let login = timeout(PATIENCE, login).await;
        let outcome = match login.context("the login did not end")??? {
            Login::In(info) => Outcome::In(info),
            Login::Refused => Outcome::Out(self.reason(client).await?),
            Login::Ended => Outcome::Gone,
        };
        Ok(Answered {
            facts,
            response,
            sealed,
            outcome,
        })
    }

    fn open(&self, message: &Message) -> Result<(OpenedRequest, Option<String>)> {
        let header = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get("Nats-Server-Xkey"))
            .map(ToString::to_string);
        let token = match (&self.world.curve, &header) {
            (Some(curve), Some(server)) => curve.open(&message.payload, &server.parse()?)?.to_vec(),
            _ => message.payload.to_vec(),
        };
        let opened = OpenedRequest::open(&token, now()?, SKEW)?;
        ensure!(opened.server_xkey() == header.as_deref());
        Ok((opened, header))
    }

    /// Returns the server's reason for refusing the connection `client`.
    async fn reason(&mut self, client: u64) -> Result<String> {
        loop {
            let event = timeout(PATIENCE, self.refusals.next())
                .await
                .context("the server did not say why it refused")?
                .context("the service's connection ended")?;
            let event: Value = serde_json::from_slice(&event.payload)?;
            if event["client"]["id"] == json!(client) {
                return Ok(event["reason"].as_str().unwrap_or_default().to_owned());
            }
        }
    }
}

/// The end of a login for the client.
enum Login {
    In(Option<Value>),
    Refused,
    Ended,
}

async fn log_in(port: u16, connect: Value) -> Result<Login> {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let hello = format!("CONNECT {connect}\r\nPING\r\n");
    stream.write_all(hello.as_bytes()).await?;
    loop {
        line.clear();
        // A server that crashes resets the connection.
        let read = stream.read_line(&mut line).await.unwrap_or_default();
        match line.as_str() {
            "PONG\r\n" => return Ok(Login::In(user_info(&mut stream).await?)),
            // Accepted and closed at once: the user has expired already, or may not subscribe.
            closed if closed.contains("Expired") || closed.contains("aximum subscriptions") => {
                return Ok(Login::In(None));
            }
            refused if refused.starts_with("-ERR") => return Ok(Login::Refused),
            _ if read == 0 => return Ok(Login::Ended),
            _ => {}
        }
    }
}

/// Returns what the server knows about the user, if the user may ask.
async fn user_info(stream: &mut BufReader<TcpStream>) -> Result<Option<Value>> {
    let ask = "SUB _INBOX.rules 1\r\nPUB $SYS.REQ.USER.INFO _INBOX.rules 0\r\n\r\n";
    stream.write_all(ask.as_bytes()).await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 || line.starts_with("-ERR") {
            return Ok(None);
        }
        if line.starts_with("MSG ") || line.starts_with("HMSG ") {
            let size = line.split_whitespace().last().context("no size")?.parse()?;
            let mut payload = vec![0; size];
            stream.read_exact(&mut payload).await?;
            // Headers, if present, precede the JSON.
            let start = payload
                .iter()
                .position(|byte| *byte == b'{')
                .unwrap_or_default();
            let answer: Value = serde_json::from_slice(&payload[start..])?;
            return Ok(Some(answer["data"].clone()));
        }
    }
}

pub(super) fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// Returns an unknown key.
pub(super) fn stranger() -> String {
    KeyPair::new_account().public_key()
}

/// Creates a curve key with its public key.
pub(super) fn curve() -> Result<CurveKey> {
    Ok(CurveKey::from_seed(CurveKey::generate_seed()?.expose())?)
}
