//! Slow policies, and the logins that queue up behind them.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::join_all;
use portcullis_harness::{Accounts, Answer, Built, Event, Host, Wire, hash};
use serde_json::json;

use super::Before;
use crate::load::AT_ONCE;
use crate::report::Outcome;
use crate::service::{Stage, TOKEN};

/// The name of a policy that precedes the good one and never returns.
const SLOW: &str = "a-slow-one";
/// The number of concurrent clients: far more than the host has slots for.
const CROWD: usize = 200;
/// The server's timeout for a login, minus a margin. A client that waits longer was not answered.
const ANSWERED: Duration = Duration::from_secs(4);
/// The maximum time until logins succeed again. Logins that began before the removal may still wait
/// for the policy.
const AFTER_POLICY: Duration = Duration::from_secs(3);

pub(super) async fn slow_policy() -> Result<Outcome> {
    let mut stage = Stage::start(1, Accounts::Several, "").await?;
    let before = Before::fault(&stage, stage.load()).await?;
    put_slow_policy(&mut stage).await?;
    before.load.fails(10 * AT_ONCE).await?;
    remove_slow_policy(&mut stage).await?;
    let mut outcome = before.and_after(&stage, AFTER_POLICY).await?;
    let host = stage.host(0)?;
    let cut = count(host, |event| {
        event.text("denial.class") == "policy-deadline"
    });
    outcome.require(cut > 0, "no decision was cut off at its deadline");

    Ok(outcome)
}

pub(super) async fn queue_overflow() -> Result<Outcome> {
    // One decision at a time; sixteen requests may wait.
    let mut stage = Stage::start(1, Accounts::Several, "max-in-flight = 1").await?;
    let before = Before::fault(&stage, stage.load()).await?;
    put_slow_policy(&mut stage).await?;
    let port = stage.server.port();
    let crowd = join_all((0..CROWD).map(|_| refusal(port))).await;
    remove_slow_policy(&mut stage).await?;
    let mut outcome = before.and_after(&stage, AFTER_POLICY).await?;
    let told = crowd.iter().filter(|told| matches!(told, Ok(true)));
    let told = told.count();
    outcome.require(
        told == CROWD,
        "not everybody in the crowd was refused in time",
    );
    let host = stage.host(0)?;
    let events = host.log().all();
    let shed: u64 = events.iter().map(Event::refusals).sum();
    outcome.require(shed > 0, "no request was refused for want of a place");
    outcome.note(&format!(
        "{told} of {CROWD} at once refused in time; {shed} requests found no place"
    ));
    Ok(outcome)
}

/// Returns whether the client is refused before the server's own timeout.
async fn refusal(port: u16) -> Result<bool> {
    let start = Instant::now();
    let mut wire = Wire::open(port).await?;
    let answer = wire.log_in(&json!({ "auth_token": TOKEN })).await?;
    Ok(matches!(answer, Answer::Refused(_)) && start.elapsed() < ANSWERED)
}

async fn put_slow_policy(stage: &mut Stage) -> Result<()> {
    let (module, token) = (Built::guest("fails_for")?, hash(TOKEN, &["--token"]).await?);
    let settings = format!("[settings]\ntoken = \"{token}\"\nhow = \"spins\"\n");
    stage.site.policies.put_policy(SLOW, &module, &settings)?;
    let host = stage.host(0)?;
    host.published_from(0, SLOW).await?;
    Ok(())
}

async fn remove_slow_policy(stage: &mut Stage) -> Result<()> {
    let mark = stage.host(0)?.log().len();
    stage.site.policies.remove(SLOW)?;
    let host = stage.host(0)?;
    host.wait_from(mark, "the policy to be gone", |event| {
        event.says("policies published")
    })
    .await?;
    Ok(())
}

fn count(host: &Host, wanted: impl Fn(&Event) -> bool) -> usize {
    host.log()
        .all()
        .iter()
        .filter(|event| wanted(event))
        .count()
}
