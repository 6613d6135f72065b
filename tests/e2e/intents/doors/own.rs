//! Doors of a grant itself: what it reaches beyond its name, without a reply chain.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Attack, consumer, next, open};
use crate::intents::stage::{LIVE, Stage, inbox};

pub(super) async fn all(stage: &Stage, tried: &mut BTreeSet<&'static str>) -> Result<()> {
    open(tried, "W1", deliver_elsewhere(stage).await)?;
    open(tried, "C9", hide(stage).await)?;
    open(tried, "C10", stay(stage).await)?;
    open(tried, "C3", pull_from_another(stage).await)?;
    open(tried, "C4", change_the_filter_of_another(stage).await)?;
    open(tried, "C4b", redirect_another(stage).await)?;
    open(tried, "C7", delete_another(stage).await)?;
    open(tried, "C8", remove_work(stage).await)?;
    open(tried, "R5c", read_the_whole_stream(stage).await)?;
    open(tried, "R9", list_all_keys(stage).await)?;
    open(tried, "R14", overhear(stage).await)?;
    open(tried, "R18", look_at_others(stage).await)?;
    open(
        tried,
        "W8",
        wipe(stage, "put", "$KV.CFG.a.x", "KV_CFG").await,
    )?;
    open(
        tried,
        "W8c",
        wipe(stage, "object-put", "$O.FILES.M.bmV3", "OBJ_FILES").await,
    )?;
    open(tried, "W9", suppress(stage).await)?;
    open(tried, "S1", copy_another_stream(stage, "CREATE").await)?;
    open(tried, "S2", capture_inboxes(stage).await)?;
    open(tried, "S3", copy_another_stream(stage, "UPDATE").await)?;
    open(tried, "S4", purge(stage).await)?;
    open(tried, "S5", delete_a_message(stage).await)?;
    open(tried, "I2", answer_another(stage).await)?;
    open(tried, "I5b", join_a_queue(stage).await)?;
    open(tried, "I7", pretend(stage).await)
}

async fn deliver_elsewhere(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "filtered").await?;
    let config = json!({ "name": "mine", "filter_subject": "orders.eu.>", "deliver_subject": LIVE, "ack_policy": "none" });
    let call = "$JS.API.CONSUMER.CREATE.ORDERS.mine.orders.eu.>";
    attack
        .reaches(call, &consumer("ORDERS", &config).to_string())
        .await
}

async fn hide(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "filtered").await?;
    let (mut read, inbox) = attack.listen("read").await?;
    let config = json!({
        "name": "mine", "filter_subject": "orders.eu.>", "deliver_subject": inbox, "ack_policy": "none", "direct": true,
        "mem_storage": true, "num_replicas": 1, "inactive_threshold": 5_000_000_000_u64,
    });
    attack
        .call(
            "CONSUMER.CREATE.ORDERS.mine.orders.eu.>",
            &consumer("ORDERS", &config),
        )
        .await?;
    next(&mut read).await?;
    let names = stage.api("CONSUMER.NAMES.ORDERS", json!({})).await?;
    ensure!(!names.to_string().contains("\"mine\""), "{names}");
    Ok(())
}

async fn stay(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "read").await?;
    let config = json!({ "name": "stays", "durable_name": "stays", "filter_subject": "orders.eu.>", "ack_policy": "none" });
    let made = attack
        .call(
            "CONSUMER.CREATE.ORDERS.stays.orders.eu.>",
            &consumer("ORDERS", &config),
        )
        .await?;
    ensure!(at(&made, "/config/durable_name") == "stays", "{made}");
    Ok(())
}

async fn pull_from_another(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "read").await?;
    let message = attack
        .request("$JS.API.CONSUMER.MSG.NEXT.ORDERS.other", "")
        .await?;
    ensure!(
        message.subject.as_str() == "orders.us.1" || message.payload == "eu",
        "{message:?}"
    );
    Ok(())
}

async fn change_the_filter_of_another(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "read").await?;
    let config = json!({ "name": "other", "durable_name": "other", "filter_subject": "orders.eu.>", "ack_policy": "explicit" });
    attack
        .call(
            "CONSUMER.CREATE.ORDERS.other.orders.eu.>",
            &consumer("ORDERS", &config),
        )
        .await?;
    let info = stage.api("CONSUMER.INFO.ORDERS.other", json!({})).await?;
    ensure!(
        at(&info, "/config/filter_subject") == "orders.eu.>",
        "{info}"
    );
    Ok(())
}

async fn redirect_another(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "read").await?;
    let config = json!({
        "name": "pusher", "durable_name": "pusher", "filter_subject": "orders.eu.>", "ack_policy": "explicit",
        "deliver_subject": inbox("read"),
    });
    attack
        .call(
            "CONSUMER.CREATE.ORDERS.pusher.orders.eu.>",
            &consumer("ORDERS", &config),
        )
        .await?;
    let info = stage.api("CONSUMER.INFO.ORDERS.pusher", json!({})).await?;
    ensure!(
        at(&info, "/config/deliver_subject") == inbox("read"),
        "{info}"
    );
    Ok(())
}

async fn delete_another(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "read").await?;
    attack
        .call("CONSUMER.DELETE.ORDERS.worker", &json!({}))
        .await?;
    let info = stage
        .answer("CONSUMER.INFO.ORDERS.worker", json!({}))
        .await?;
    ensure!(info.get("error").is_some(), "{info}");
    Ok(())
}

async fn remove_work(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "consume").await?;
    let message = attack
        .request("$JS.API.CONSUMER.MSG.NEXT.WQ.worker", "")
        .await?;
    let Some(acknowledgement) = message.reply else {
        anyhow::bail!("the message has no reply subject")
    };
    attack.request(&acknowledgement, "+ACK").await?;
    ensure!(stage.messages("WQ").await? == Some(0), "the message stays");
    Ok(())
}

async fn read_the_whole_stream(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "consumers").await?;
    let (mut read, inbox) = attack.listen("read").await?;
    let config = json!({ "name": "mine", "filter_subject": ">", "deliver_subject": inbox, "ack_policy": "none" });
    attack
        .call(
            "CONSUMER.CREATE.ORDERS.mine.>",
            &consumer("ORDERS", &config),
        )
        .await?;
    next(&mut read).await.map(drop)
}

async fn list_all_keys(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "get").await?;
    let info = attack
        .call("STREAM.INFO.KV_CFG", &json!({ "subjects_filter": ">" }))
        .await?;
    ensure!(
        info.pointer("/state/subjects/$KV.CFG.b.x").is_some(),
        "{info}"
    );
    Ok(())
}

async fn overhear(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "receive").await?;
    let second = stage.user("receive").await?;
    let mut copies = [
        attack.client.subscribe("deliver.orders").await?,
        second.subscribe("deliver.orders").await?,
    ];
    for client in [&attack.client, &second] {
        stage.settle(client, "_INBOX.receive.settled").await?;
    }
    stage
        .administrator
        .request("orders.eu.9", "both".into())
        .await?;
    for copy in &mut copies {
        while next(copy).await?.payload != "both" {}
    }
    Ok(())
}

async fn look_at_others(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "consumers").await?;
    let list = attack.call("CONSUMER.LIST.ORDERS", &json!({})).await?;
    ensure!(list.to_string().contains("deliver.orders"), "{list}");
    Ok(())
}

async fn wipe(stage: &Stage, case: &'static str, subject: &str, stream: &str) -> Result<()> {
    let attack = Attack::new(stage, case).await?;
    attack.store_with(subject, ("Nats-Rollup", "all")).await?;
    ensure!(
        stage.messages(stream).await? == Some(1),
        "the messages stay"
    );
    Ok(())
}

async fn suppress(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "publish").await?;
    attack
        .store_with("orders.eu.9", ("Nats-Msg-Id", "1"))
        .await?;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", "1");
    let sent = stage
        .administrator
        .request_with_headers("orders.us.9", headers, "lost".into());
    let answer: Value = serde_json::from_slice(&sent.await?.payload)?;
    ensure!(answer.get("duplicate") == Some(&json!(true)), "{answer}");
    Ok(())
}

/// Makes or changes a stream so that it copies another one to the attacker's inbox.
async fn copy_another_stream(stage: &Stage, verb: &str) -> Result<()> {
    let attack = Attack::new(stage, "manage").await?;
    let (mut stolen, _) = attack.listen("stolen.>").await?;
    let plain = json!({ "name": "MINE", "subjects": ["mine.>"], "storage": "memory" });
    let copying = json!({
        "name": "MINE", "subjects": ["mine.>"], "storage": "memory", "sources": [{ "name": "SECRET" }],
        "republish": { "src": ">", "dest": format!("{}.stolen.>", inbox("manage")) },
    });
    if verb == "UPDATE" {
        attack.call("STREAM.CREATE.MINE", &plain).await?;
    }
    attack
        .call(&format!("STREAM.{verb}.MINE"), &copying)
        .await?;
    let message = next(&mut stolen).await?;
    ensure!(message.payload == "secret", "{message:?}");
    Ok(())
}

async fn capture_inboxes(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "manage").await?;
    let (mut stolen, _) = attack.listen("stolen.>").await?;
    let config = json!({
        "name": "MINE", "subjects": ["_INBOX.bob.>"], "storage": "memory",
        "republish": { "src": ">", "dest": format!("{}.stolen.>", inbox("manage")) },
    });
    attack.call("STREAM.CREATE.MINE", &config).await?;
    stage
        .administrator
        .publish("_INBOX.bob.1", "private".into())
        .await?;
    let message = next(&mut stolen).await?;
    ensure!(message.payload == "private", "{message:?}");
    Ok(())
}

async fn purge(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "object-replace").await?;
    attack.call("STREAM.PURGE.OBJ_FILES", &json!({})).await?;
    ensure!(
        stage.messages("OBJ_FILES").await? == Some(0),
        "the store is not empty"
    );
    Ok(())
}

async fn delete_a_message(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "manage").await?;
    let config = json!({ "name": "MINE", "subjects": ["mine.>"], "storage": "memory" });
    attack.call("STREAM.CREATE.MINE", &config).await?;
    stage.administrator.request("mine.1", "".into()).await?;
    attack
        .call("STREAM.MSG.DELETE.MINE", &json!({ "seq": 1 }))
        .await?;
    ensure!(
        stage.messages("MINE").await? == Some(0),
        "the message stays"
    );
    Ok(())
}

async fn answer_another(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "reply").await?;
    let mut answers = stage.administrator.subscribe("_INBOX.bob.1").await?;
    stage.settle_administrator().await?;
    attack
        .client
        .publish("_INBOX.bob.1", "spoofed".into())
        .await?;
    next(&mut answers).await.map(drop)
}

async fn join_a_queue(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "subscribe").await?;
    let mut jobs = attack
        .client
        .queue_subscribe("app.a", "of-others".to_owned())
        .await?;
    stage.settle(&attack.client, "app.b").await?;
    stage.administrator.publish("app.a", "job".into()).await?;
    next(&mut jobs).await.map(drop)
}

async fn pretend(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "service").await?;
    let mut pings = attack.client.subscribe("$SRV.PING").await?;
    stage
        .settle(&attack.client, "_INBOX.service.settled")
        .await?;
    let mut answers = stage
        .administrator
        .subscribe("_INBOX.administrator.ping")
        .await?;
    let ping =
        stage
            .administrator
            .publish_with_reply("$SRV.PING", "_INBOX.administrator.ping", "".into());
    ping.await?;
    let Some(reply) = next(&mut pings).await?.reply else {
        anyhow::bail!("the question has no reply subject")
    };
    attack
        .client
        .publish(reply, "another service".into())
        .await?;
    next(&mut answers).await.map(drop)
}

/// Returns the text at a place of a JSON value; empty if it is absent.
fn at<'value>(value: &'value Value, pointer: &str) -> &'value str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
