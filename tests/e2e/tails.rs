//! A `*` at the end of a subscribe permission matches one token, for any subscription of a client.

use anyhow::{Context, Result};
use async_nats::Subscriber;
use futures::StreamExt;
use portcullis_harness::{Answer, PATIENCE, Release, Wire};
use rstest::rstest;
use serde_json::json;
use tokio::time::timeout;

use crate::support::{ALICE, ALICE_PASSWORD, SENSOR, Serving, alice_in, sensor, settings};

/// Starts a site that serves alice, who may subscribe to `allow`, and the sensor, which may do
/// everything.
async fn serve(release: Release, allow: &str) -> Result<Serving> {
    let profile = format!("\n[settings.profiles.stars]\nsubscribe = {{ allow = [{allow}] }}\n");
    let alice = alice_in("stars", "").await?;
    let users = [sensor("everything", "").await?, profile, alice];
    Serving::start(release, &settings(&users)).await
}

/// Returns the first message that reaches alice, out of one on `below` and a later one on `a.b`.
async fn first(serving: &Serving, subscription: &str, queue: &str, below: &str) -> Result<String> {
    let alice = serving.log_in(ALICE, "desk").await?;
    let mut messages = match queue {
        "" => alice.subscribe(subscription.to_owned()).await?,
        queue => {
            alice
                .queue_subscribe(subscription.to_owned(), queue.to_owned())
                .await?
        }
    };
    alice.flush().await?;
    let sensor = serving.log_in(SENSOR, "roof").await?;
    sensor.publish(below.to_owned(), "".into()).await?;
    sensor.publish("a.b".to_owned(), "".into()).await?;
    sensor.publish("a".to_owned(), "".into()).await?;
    sensor.flush().await?;
    let message = messages.next().await.context("the subscription ended")?;
    Ok(message.subject.to_string())
}

#[rstest]
#[case(r#""a.*""#, "a.>", "", "a.b.c", "a.b")]
#[case(r#""a.* crew""#, "a.>", "crew", "a.b.c", "a.b")]
#[case(r#""a.*", "a.*.*""#, "a.>", "", "a.b.c.d", "a.b")]
#[case(r#""*""#, ">", "", "a.b.c", "a")]
// All subjects below are allowed, so no message is lost.
#[case(r#""a.*", "a.>""#, "a.>", "", "a.b.c", "a.b.c")]
#[tokio::test]
async fn a_client_that_subscribes_to_everything_below_gets_one_token(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[case] allow: &str,
    #[case] subscription: &str,
    #[case] queue: &str,
    #[case] below: &str,
    #[case] expected: &str,
) -> Result<()> {
    let serving = serve(release, allow).await?;
    assert_eq!(first(&serving, subscription, queue, below).await?, expected);
    Ok(())
}

/// Covers servers before 2.11.16, which apply a deny only to subscriptions that contain all of it.
#[rstest]
#[case(Release::Nats2_10, "a.b.c")]
#[case(Release::Nats2_15, "a.b")]
#[tokio::test]
async fn a_star_before_the_end_keeps_old_servers_from_closing(
    #[case] release: Release,
    #[case] expected: &str,
) -> Result<()> {
    let serving = serve(release, r#""*.*""#).await?;
    assert_eq!(first(&serving, "a.>", "", "a.b.c").await?, expected);
    Ok(())
}

/// Covers a permission that cannot be narrowed: a deny would also exclude `a.b.c`.
#[tokio::test]
async fn what_cannot_be_closed_is_in_the_log() -> Result<()> {
    let serving = serve(Release::Nats2_15, r#""a.*", "a.b.c""#).await?;
    assert_eq!(first(&serving, "a.>", "", "a.x.y").await?, "a.x.y");
    let says = "a subscribe permission is wider than it looks";
    let line = serving
        .host
        .wait_for(says, |event| event.says(says))
        .await?;
    assert_eq!(line.text("subject"), "a.*");
    Ok(())
}

/// Verifies that a literal `>` in a published subject is an ordinary token, which no deny
/// distinguishes from others.
#[rstest]
#[tokio::test]
async fn a_client_can_publish_a_literal_tail_where_a_star_is_allowed(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let profile =
        "\n[settings.profiles.stars]\npublish = { allow = [\"filter.a.*\"] }\n".to_owned();
    let alice = alice_in("stars", "").await?;
    let users = [sensor("everything", "").await?, profile, alice];
    let serving = Serving::start(release, &settings(&users)).await?;
    let sensor = serving.log_in(SENSOR, "roof").await?;
    let mut messages = sensor.subscribe("filter.>").await?;
    sensor.flush().await?;

    let mut alice = Wire::open(serving.server.port()).await?;
    let fields = json!({ "user": "alice", "pass": ALICE_PASSWORD });
    assert_eq!(alice.log_in(&fields).await?, Answer::Admitted);
    alice.say("PUB filter.a.> 0\r\n\r\n").await?;
    assert_eq!(alice.answer().await?, Answer::Admitted);
    let message = messages.next().await.context("the subscription ended")?;
    assert_eq!(message.subject.as_str(), "filter.a.>");
    Ok(())
}

/// Returns the subject of the next message.
async fn next(messages: &mut Subscriber) -> Result<String> {
    let message = timeout(PATIENCE, messages.next()).await?;
    Ok(message
        .context("the subscription ended")?
        .subject
        .to_string())
}

/// Covers servers before 2.11.12, which overlook a deny that ends in `*` on the way to a longer
/// one.
#[rstest]
#[tokio::test]
async fn a_deny_with_a_final_star_holds_next_to_a_longer_deny(
    #[values(Release::Nats2_10, Release::Nats2_11, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let profile = "\n[settings.profiles.stars]\n\
                   publish = { allow = [\"a.>\"], deny = [\"a.*\", \"a.b.c\"] }\n\
                   subscribe = { allow = [\">\"], deny = [\"a.*\", \"a.b.c\"] }\n";
    let alice = alice_in("stars", "").await?;
    let users = [sensor("everything", "").await?, profile.to_owned(), alice];
    let serving = Serving::start(release, &settings(&users)).await?;
    let sensor = serving.log_in(SENSOR, "roof").await?;
    let mut heard = sensor.subscribe("a.>").await?;
    sensor.flush().await?;
    let alice = serving.log_in(ALICE, "desk").await?;
    // Servers refuse a subscription to `a.>`, which the deny `a.*` matches token by token.
    let mut received = alice.subscribe(">").await?;
    for subject in ["a.b", "a.b.d"] {
        alice.publish(subject, "".into()).await?;
    }
    alice.flush().await?;
    assert_eq!(next(&mut heard).await?, "a.b.d", "the first message");
    for subject in ["a.b", "a.b.e"] {
        sensor.publish(subject, "".into()).await?;
    }
    sensor.flush().await?;
    assert_eq!(next(&mut received).await?, "a.b.d", "the client's own");
    assert_eq!(next(&mut received).await?, "a.b.e");
    Ok(())
}

/// Covers servers before 2.11.16, on which a deny of another queue group gets around a plain one.
#[rstest]
#[tokio::test]
async fn a_plain_deny_holds_next_to_one_of_a_queue_group(
    #[values(Release::Nats2_10, Release::Nats2_11, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let profile = "\n[settings.profiles.stars]\n\
                   subscribe = { allow = [\">\"], deny = [\"secret\", \"* crew\"] }\n";
    let alice = alice_in("stars", "").await?;
    let serving = Serving::start(release, &settings(&[profile.to_owned(), alice])).await?;
    let mut alice = Wire::open(serving.server.port()).await?;
    let fields = json!({ "user": "alice", "pass": ALICE_PASSWORD });
    assert_eq!(alice.log_in(&fields).await?, Answer::Admitted);
    for (subscription, is_refused) in [
        ("secret", true),
        ("secret crew", true),
        ("secret others", true),
        ("open crew", true),
        ("open others", false),
    ] {
        alice
            .say(&format!("SUB {subscription} 1\r\nPING\r\n"))
            .await?;
        let mut refused = false;
        // A server also sends what changes about itself.
        loop {
            let line = alice.line().await?;
            match line
                .as_deref()
                .context("the server closed the connection")?
            {
                "PONG" => break,
                line => refused |= line.starts_with("-ERR"),
            }
        }
        assert_eq!(refused, is_refused, "{subscription}");
    }
    Ok(())
}
