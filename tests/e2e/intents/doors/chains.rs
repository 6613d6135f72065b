//! Doors of rule 3: the client names the reply subject, and the server publishes there.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use portcullis_harness::{Answer, Wire};
use serde_json::json;

use super::{Attack, consumer, next, open, until};
use crate::intents::stage::{Stage, inbox, password};

/// A request for one message at once.
const NO_WAIT: &str = r#"{"batch":1,"no_wait":true}"#;

/// The doors that need a reply subject of the API: id, case, subject and the API's subject.
const API_REPLIES: [(&str, &str, &str, &str); 9] = [
    (
        "W7b",
        "last",
        "$JS.API.DIRECT.GET.ORDERS.orders.eu.empty",
        "STREAM.DELETE.SECRET",
    ),
    (
        "W7d",
        "last",
        "$JS.API.DIRECT.GET.ORDERS.orders.eu.missing",
        "STREAM.DELETE.SECRET",
    ),
    (
        "W7e",
        "create",
        "$JS.API.DIRECT.GET.KV_CFG.$KV.CFG.a.x",
        "CONSUMER.CREATE.SECRET",
    ),
    (
        "W7h",
        "consume",
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS.idle",
        "STREAM.DELETE.SECRET",
    ),
    (
        "W7i",
        "consume",
        "$JS.ACK.ORDERS.worker.1.1.1.1.0",
        "STREAM.DELETE.SECRET",
    ),
    ("W7k", "request", "svc.echo", "STREAM.DELETE.SECRET"),
    (
        "W7m",
        "get",
        "$JS.API.DIRECT.GET.KV_CFG.$KV.CFG.a.gone",
        "STREAM.DELETE.SECRET",
    ),
    (
        "W7r",
        "consume",
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS.worker",
        "STREAM.DELETE.SECRET",
    ),
    (
        "W7w",
        "last",
        "$JS.API.DIRECT.GET.ORDERS.orders.eu.missing",
        "STREAM.PURGE.SECRET",
    ),
];

/// Returns the doors whose message the server refuses for its reply subject. It takes the same
/// message with a reply subject in the client's inbox.
pub(super) async fn refused(stage: &Stage) -> Result<BTreeSet<&'static str>> {
    let mut refused = BTreeSet::new();
    for (id, case, subject, call) in API_REPLIES {
        let mut wire = Wire::open(stage.port()).await?;
        let login = json!({ "user": case, "pass": password(case) });
        ensure!(wire.log_in(&login).await? == Answer::Admitted, "{case}");
        wire.say(&format!("PUB {subject} {}.1 0\r\n\r\n", inbox(case)))
            .await?;
        ensure!(wire.answer().await? == Answer::Admitted, "{id}");
        let mut is_refused = true;
        for api in ["$JS.API", "$JS.HUB.API"] {
            let reply = format!("{api}.{call}");
            wire.say(&format!("PUB {subject} {reply} 0\r\n\r\n"))
                .await?;
            let error = format!("Permissions Violation for Publish with Reply of \"{reply}\"");
            is_refused &= wire.answer().await? == Answer::Refused(error);
        }
        if is_refused {
            refused.insert(id);
        }
    }
    Ok(refused)
}

/// Tries the doors that need a reply subject of the API.
pub(super) async fn by_api(stage: &Stage, tried: &mut BTreeSet<&'static str>) -> Result<()> {
    for (id, case, subject, body) in [
        (
            "W7b",
            "last",
            "$JS.API.DIRECT.GET.ORDERS.orders.eu.empty",
            "",
        ),
        (
            "W7d",
            "last",
            "$JS.API.DIRECT.GET.ORDERS.orders.eu.missing",
            "",
        ),
        ("W7m", "get", "$JS.API.DIRECT.GET.KV_CFG.$KV.CFG.a.gone", ""),
        (
            "W7h",
            "consume",
            "$JS.API.CONSUMER.MSG.NEXT.ORDERS.idle",
            NO_WAIT,
        ),
        (
            "W7r",
            "consume",
            "$JS.API.CONSUMER.MSG.NEXT.ORDERS.worker",
            "{no JSON",
        ),
    ] {
        let attack = Attack::new(stage, case).await?;
        open(tried, id, attack.deletes(subject, body).await)?;
    }
    open(tried, "W7i", acknowledge(stage).await)?;
    open(tried, "W7w", purge(stage).await)?;
    open(tried, "W7e", replay(stage).await)?;
    open(tried, "W7k", steer_a_service(stage, true).await)
}

/// Tries the doors that need a reply subject of the account.
pub(super) async fn by_subjects(stage: &Stage, tried: &mut BTreeSet<&'static str>) -> Result<()> {
    for (id, case, subject, body) in [
        ("W5", "create", "$JS.API.DIRECT.GET.KV_CFG.$KV.CFG.a.x", ""),
        ("W6", "publish", "orders.eu.9", "x"),
        ("W7", "last", "$JS.API.STREAM.INFO.ORDERS", ""),
        ("W7n", "discover", "$SYS.REQ.USER.INFO", ""),
        (
            "W4c",
            "consume",
            "$JS.API.CONSUMER.MSG.NEXT.ORDERS.idle",
            NO_WAIT,
        ),
    ] {
        let attack = Attack::new(stage, case).await?;
        open(tried, id, attack.overwrites(subject, body).await)?;
    }
    let attack = Attack::new(stage, "consume").await?;
    let pull = attack.reaches("$JS.API.CONSUMER.MSG.NEXT.ORDERS.worker", "");
    open(tried, "W4", pull.await)?;
    open(tried, "I6c", steer_a_service(stage, false).await)
}

/// Has the empty answer of an acknowledgement delete a stream.
async fn acknowledge(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "consume").await?;
    let message = attack
        .request("$JS.API.CONSUMER.MSG.NEXT.ORDERS.worker", "")
        .await?;
    let acknowledgement = message.reply.context("the message has no reply subject")?;
    attack.deletes(&acknowledgement, "+ACK").await
}

/// Has the status of a missing message purge a stream.
async fn purge(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "last").await?;
    let missing = "$JS.API.DIRECT.GET.ORDERS.orders.eu.missing";
    attack
        .send(missing, "$JS.API.STREAM.PURGE.SECRET", "")
        .await?;
    until("the stream is empty", async || {
        Ok(stage.messages("SECRET").await? == Some(0))
    })
    .await
}

/// Stores a call of the API in a key, and has a read of the key make it.
async fn replay(stage: &Stage) -> Result<()> {
    let attack = Attack::new(stage, "create").await?;
    let (mut stolen, inbox) = attack.listen("stolen").await?;
    let call = consumer(
        "SECRET",
        &json!({ "deliver_subject": inbox, "ack_policy": "none" }),
    );
    attack.request("$KV.CFG.a.x", &call.to_string()).await?;
    let key = "$JS.API.DIRECT.GET.KV_CFG.$KV.CFG.a.x";
    attack
        .send(key, "$JS.API.CONSUMER.CREATE.SECRET", "")
        .await?;
    let message = next(&mut stolen).await?;
    ensure!(message.payload == "secret", "{message:?}");
    Ok(())
}

/// Has a service with `responses` publish on a subject of the client's choice.
async fn steer_a_service(stage: &Stage, delete: bool) -> Result<()> {
    let attack = Attack::new(stage, "request").await?;
    let service = stage.user("trusting").await?;
    let mut requests = service.subscribe("svc.echo").await?;
    stage.settle(&service, "_INBOX.trusting.settled").await?;
    let answering = tokio::spawn(async move {
        let request = next(&mut requests).await?;
        let reply = request.reply.context("no reply subject")?;
        service.publish(reply, request.payload).await?;
        anyhow::Ok(service.flush().await?)
    });
    if delete {
        attack.deletes("svc.echo", "").await?;
    } else {
        attack.reaches("svc.echo", "steered").await?;
    }
    answering.await?
}
