//! Malformed, additional and outdated messages.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_nats::{Client, HeaderMap};
use futures::StreamExt;
use portcullis_harness::{
    Accounts, CALLOUT, RequestSigner, ask_as_server, server_inbox, set, unix_now,
};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Before, counts};
use crate::report::Outcome;
use crate::service::{PHASE, Stage, TOKEN};

/// The number of garbage messages.
const GARBAGE: usize = 10_000;
/// The number of messages before the host must have caught up. The rest of its queue is for logins.
const BATCH: usize = 500;
/// The maximum time until logins succeed again: no process has to recover.
const AT_ONCE: Duration = Duration::from_secs(1);
/// The time after which a reply counts as lost: longer than any reply takes.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn garbage() -> Result<Outcome> {
    let stage = Stage::start(1, Accounts::NoCallout, "").await?;
    let vandal = stage.observer("vandal").await?;
    let before = Before::fault(&stage, stage.load_by_hand().await?).await?;
    let signer = RequestSigner::new(&stage.site.keys.issuer.public_key());
    let mut foreign = signer.claims(TOKEN);
    set(
        &mut foreign,
        "/iss",
        json!(RequestSigner::new("A").server_key()),
    )?;
    let kinds: [Vec<u8>; 6] = [
        Vec::new(),
        vec![0xff; 300],
        b"eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.AAAA".to_vec(),
        b"xkv1".repeat(50),
        vec![b'.'; 20_000],
        signer.sign(&foreign)?.into_bytes(),
    ];
    let refused_before = refusals(&vandal).await?;
    let mut kinds = kinds.iter().cycle();
    for batch in 1..=GARBAGE / BATCH {
        for kind in kinds.by_ref().take(BATCH) {
            let reply = server_inbox(&vandal);
            vandal
                .publish_with_reply(CALLOUT, reply, kind.clone().into())
                .await?;
        }
        vandal.flush().await?;
        let expected = refused_before + u64::try_from(batch * BATCH)?;
        let late = Instant::now() + PATIENCE;
        while refusals(&vandal).await? < expected {
            ensure!(Instant::now() < late, "garbage was not refused");
        }
    }
    let mut outcome = before.and_after(&stage, AT_ONCE).await?;
    let failed = outcome.during.failed;
    outcome.require(failed == 0, "logins failed beside the garbage");
    outcome.note(&format!("{GARBAGE} messages of garbage, each refused"));
    Ok(outcome)
}

/// Returns the number of refused requests, by the host's own count.
async fn refusals(client: &Client) -> Result<u64> {
    let counts = counts(client).await?;
    let refusals = counts
        .iter()
        .filter(|(name, _)| name.starts_with("refusals."));
    Ok(refusals.filter_map(|(_, count)| count.as_u64()).sum())
}

pub(super) async fn second_subscriber() -> Result<Outcome> {
    let stage = Stage::start(2, Accounts::Several, "").await?;
    let meddler = stage.observer("meddler").await?;
    let before = Before::fault(&stage, stage.load()).await?;
    let mut requests = meddler.subscribe(CALLOUT).await?;
    let (count, mut counted) = watch::channel(0_usize);
    let meddling = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                let _ = meddler.publish(reply, "".into()).await;
                let _ = meddler.flush().await;
            }
            count.send_modify(|count| *count += 1);
        }
    });
    before.load.goes_on(PHASE).await?;
    timeout(PATIENCE, counted.wait_for(|count| *count >= PHASE)).await??;
    let seen = *counted.borrow();
    meddling.abort();
    let mut outcome = before.and_after(&stage, AT_ONCE).await?;
    outcome.note(&format!("{seen} requests refused by the meddler as well"));
    Ok(outcome)
}

pub(super) async fn clock_skew() -> Result<Outcome> {
    // The default, set explicitly because the numbers below depend on it.
    let stage = Stage::start(1, Accounts::NoCallout, "clock-skew = \"5s\"").await?;
    let client = stage.observer("skewed").await?;
    let signer = RequestSigner::new(&stage.site.keys.issuer.public_key());
    let before = Before::fault(&stage, stage.load_by_hand().await?).await?;
    let mut seen = Vec::new();
    // The seconds that the server's clock is ahead, and whether the host must accept the request.
    for (ahead, believed) in [(-8, true), (-60, false), (4, true)] {
        let mut admitted = 0;
        for _ in 0..20 {
            admitted += usize::from(ask_at(&client, &signer, ahead).await?);
        }
        seen.push((ahead, believed, admitted));
    }
    let mut outcome = before.and_after(&stage, AT_ONCE).await?;
    let failed = outcome.during.failed;
    outcome.require(failed == 0, "logins of a server with a good clock failed");
    for (ahead, believed, admitted) in seen {
        let expected = if believed { 20 } else { 0 };
        outcome.require(
            admitted == expected,
            &format!("clock {ahead} s ahead: {admitted} of 20 admitted"),
        );
        outcome.note(&format!("{ahead:+} s: {admitted} of 20 admitted"));
    }
    Ok(outcome)
}

/// Sends a request as a server whose clock is `ahead` seconds ahead, and which waits five seconds
/// for an answer.
async fn ask_at(client: &Client, signer: &RequestSigner, ahead: i64) -> Result<bool> {
    let now = unix_now()
        .checked_add_signed(ahead)
        .context("no such time")?;
    let mut claims = signer.claims(TOKEN);
    set(&mut claims, "/iat", json!(now))?;
    set(&mut claims, "/exp", json!(now + 5))?;
    let request = signer.sign(&claims)?.into();
    let answer = ask_as_server(client, HeaderMap::new(), request).await?;
    Ok(!answer.payload.is_empty())
}
