//! An empty allow list allows nothing, on either side.

use anyhow::Result;
use futures::StreamExt;
use portcullis_harness::{ForeignClient, Release, Step, log_in};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{ALICE, SENSOR, Serving, alice, sensor, settings, sorted};

#[rstest]
#[tokio::test]
async fn no_publish_permission_is_no_publishing(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[sensor("mute", "").await?])).await?;

    let steps = [Step::Publish("anything"), Step::Subscribe("anything")];
    let session = client.run(&serving.url(), SENSOR, "roof", &steps).await?;

    assert!(session.refused(0), "{session:?}");
    assert!(session.accepted(1), "{session:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn no_subscribe_permission_is_written_as_deny_everything(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let users = [sensor("deaf", "").await?, alice("").await?];
    let serving = Serving::start(release, &settings(&users)).await?;

    // The sensor cannot receive the server's answer, so alice subscribes to it.
    let listener = log_in(&serving.url(), ALICE, "desk").await?;
    let mut answers = listener.subscribe("alice.answer").await?;
    listener.flush().await?;
    let sensor = log_in(&serving.url(), SENSOR, "roof").await?;
    sensor
        .publish_with_reply("$SYS.REQ.USER.INFO", "alice.answer", "".into())
        .await?;
    sensor.flush().await?;

    let answer = answers
        .next()
        .await
        .map(|message| message.payload)
        .unwrap_or_default();
    let answer: Value = serde_json::from_slice(&answer)?;
    let permissions = sorted(&answer["data"]["permissions"]);
    assert_eq!(
        permissions,
        json!({ "publish": { "allow": [">"] }, "subscribe": { "deny": [">"] } })
    );
    Ok(())
}
