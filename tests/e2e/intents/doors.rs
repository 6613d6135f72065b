//! The side doors of the intents: what a hostile client does with what it was granted.
//!
//! Doors that a list of subjects shuts are those of `neighbours.rs`. Those here stay open. A test
//! holds `docs/guide/jetstream.md` to naming each of them.

mod chains;
mod own;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use async_nats::{Client, HeaderMap, Message, Subscriber};
use futures::StreamExt as _;
use portcullis_harness::{PATIENCE, Release};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::stage::{LIVE, Stage, inbox};

/// A client that attacks, and the stage.
struct Attack<'a> {
    stage: &'a Stage,
    client: Client,
    case: &'static str,
}

impl<'a> Attack<'a> {
    async fn new(stage: &'a Stage, case: &'static str) -> Result<Self> {
        stage.reset().await?;
        let client = stage.user(case).await?;
        Ok(Self {
            stage,
            client,
            case,
        })
    }

    /// Publishes with a reply subject of the attacker's choice.
    async fn send(&self, subject: &str, reply: &str, body: &str) -> Result<()> {
        let (subject, reply) = (subject.to_owned(), reply.to_owned());
        let sent = self
            .client
            .publish_with_reply(subject, reply, body.to_owned().into());
        sent.await?;
        Ok(self.client.flush().await?)
    }

    /// Subscribes to a subject in the attacker's own inbox.
    async fn listen(&self, name: &str) -> Result<(Subscriber, String)> {
        let subject = format!("{}.{name}", inbox(self.case));
        let subscriber = self.client.subscribe(subject.clone()).await?;
        self.client.flush().await?;
        Ok((subscriber, subject))
    }

    /// Sends a request and returns the answer.
    async fn request(&self, subject: &str, body: &str) -> Result<Message> {
        let (mut answers, inbox) = self.listen("answer").await?;
        self.send(subject, &inbox, body).await?;
        next(&mut answers).await
    }

    /// Calls the API, which must not answer with an error.
    async fn call(&self, call: &str, body: &Value) -> Result<Value> {
        let answer = self
            .request(&format!("$JS.API.{call}"), &body.to_string())
            .await?;
        let answer: Value = serde_json::from_slice(&answer.payload)?;
        anyhow::ensure!(answer.get("error").is_none(), "{call}: {answer}");
        Ok(answer)
    }

    /// Publishes with a header and waits for the acknowledgement.
    async fn store_with(&self, subject: &str, header: (&str, &str)) -> Result<Value> {
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1);
        let (mut answers, inbox) = self.listen("stored").await?;
        let sent = self.client.publish_with_reply_and_headers(
            subject.to_owned(),
            inbox,
            headers,
            "evil".into(),
        );
        sent.await?;
        self.client.flush().await?;
        Ok(serde_json::from_slice(&next(&mut answers).await?.payload)?)
    }

    /// Has the server delete a stream that the attacker has no right to.
    async fn deletes(&self, subject: &str, body: &str) -> Result<()> {
        self.send(subject, "$JS.API.STREAM.DELETE.SECRET", body)
            .await?;
        until("the stream is deleted", async || {
            Ok(self.stage.messages("SECRET").await?.is_none())
        })
        .await
    }

    /// Has the server write to a key that the attacker has no right to.
    async fn overwrites(&self, subject: &str, body: &str) -> Result<()> {
        self.send(subject, "$KV.OTHER.k", body).await?;
        until("the key is overwritten", async || {
            Ok(self.stage.foreign_key().await? != b"untouched")
        })
        .await
    }

    /// Has the server publish to a live service that the attacker has no right to reach.
    async fn reaches(&self, subject: &str, body: &str) -> Result<()> {
        let mut live = self.stage.administrator.subscribe(LIVE).await?;
        self.stage.settle_administrator().await?;
        self.send(subject, LIVE, body).await?;
        next(&mut live).await.map(drop)
    }
}

async fn next(messages: &mut Subscriber) -> Result<Message> {
    let message = timeout(PATIENCE, messages.next()).await;
    message
        .context("no message")?
        .context("the subscription has ended")
}

/// Waits until a condition holds.
async fn until(what: &str, condition: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let polled = async {
        while !condition().await? {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    };
    timeout(PATIENCE, polled)
        .await
        .with_context(|| format!("not seen: {what}"))?
}

/// The ids of the doors that are open on servers before 2.14.10 and 2.15.3. These and later ones
/// refuse the messages of some.
const OPEN: &[&str] = &[
    "C10", "C3", "C4", "C4b", "C7", "C8", "C9", "I2", "I5b", "I6c", "I7", "R14", "R18", "R5c",
    "R9", "S1", "S2", "S3", "S4", "S5", "W1", "W4", "W4c", "W5", "W6", "W7", "W7b", "W7d", "W7e",
    "W7h", "W7i", "W7k", "W7m", "W7n", "W7r", "W7w", "W8", "W8c", "W9",
];

/// Returns whether a server refuses reply subjects of the API.
fn refuses_api_replies(release: Release) -> bool {
    matches!(release, Release::Nats2_14Newest | Release::Nats2_15Newest)
}

#[rstest]
#[tokio::test]
async fn every_door_that_no_list_shuts_is_open(
    #[values(
        Release::Nats2_10,
        Release::Nats2_15,
        Release::Nats2_14Newest,
        Release::Nats2_15Newest
    )]
    release: Release,
) -> Result<()> {
    if release.missing().is_some() {
        return Ok(());
    }
    let stage = Stage::start(release).await?;
    let mut tried = BTreeSet::new();
    chains::by_subjects(&stage, &mut tried).await?;
    own::all(&stage, &mut tried).await?;
    if refuses_api_replies(release) {
        tried.extend(chains::refused(&stage).await?);
    } else {
        chains::by_api(&stage, &mut tried).await?;
    }
    assert_eq!(tried, OPEN.iter().copied().collect());
    Ok(())
}

#[test]
fn the_guide_names_every_open_door() -> Result<()> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/jetstream.md");
    let guide = fs::read_to_string(guide)?;
    let named: BTreeSet<_> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .map(|(id, _)| id)
        .collect();
    let missing: Vec<_> = OPEN.iter().filter(|id| !named.contains(*id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_service_that_may_publish_to_inboxes_only_cannot_be_steered(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    let attack = Attack::new(&stage, "request").await?;
    let service = stage.user("reply").await?;
    let mut requests = service.queue_subscribe("svc.echo", "q".to_owned()).await?;
    stage.settle(&service, "_INBOX.reply.settled").await?;
    attack
        .send("svc.echo", "$JS.API.STREAM.DELETE.SECRET", "")
        .await?;
    let request = next(&mut requests).await?;
    service
        .publish(request.reply.context("no reply subject")?, "".into())
        .await?;
    // The server has handled the answer, and the administrator's question comes after it.
    stage.settle(&service, "_INBOX.reply.answered").await?;
    assert_eq!(stage.messages("SECRET").await?, Some(1), "W7p");
    Ok(())
}

/// Records a door as tried.
fn open(tried: &mut BTreeSet<&'static str>, id: &'static str, result: Result<()>) -> Result<()> {
    result.with_context(|| format!("door {id}"))?;
    tried.insert(id);
    Ok(())
}

/// Returns the body of a request for a consumer.
fn consumer(stream: &str, config: &Value) -> Value {
    json!({ "stream_name": stream, "config": config })
}
