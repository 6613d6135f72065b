//! Tokens with unknown key ids.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt};
use portcullis_harness::{Accounts, Built, Forgery, Provider, Release, Site, barely_log_in};
use serde_json::json;

use super::Before;
use crate::load::{Load, Login};
use crate::report::Outcome;
use crate::service::Stage;

/// The number of logins with forged tokens.
const CROWD: usize = 1000;
/// The number of them that are concurrent.
const AT_ONCE: usize = 16;
/// The maximum number of fetches of keys that they may cause.
const MAX_FETCHES: u64 = 2;
/// The maximum ratio of the latency of other logins during unknown key ids to that during tokens
/// that are denied without a key.
const MAX_SLOWDOWN: f64 = 1.5;
/// The maximum time until logins succeed again: no process has to recover.
const SOON: Duration = Duration::from_secs(1);

/// The host must verify every forged token.
const UNTHROTTLED: &str = "[identity.throttle]\naddress-failures = 0\nuser-failures = 0\n";

const SETTINGS: &str = "[settings]\naccount = \"APP\"\n";

pub(super) async fn unknown_keys() -> Result<Outcome> {
    let mut provider = Provider::start().await?;
    let site = Site::create(Release::Nats2_15)?;
    site.policies
        .put_policy("roles", &Built::policy("oidc-roles")?, SETTINGS)?;
    let table = format!(
        "[identity.issuers.company]\nissuer = \"{}\"\naudiences = [\"{}\"]\n{UNTHROTTLED}",
        provider.issuer(),
        Provider::AUDIENCE
    );
    let stage = Stage::at(site, 1, Accounts::Several, "", &table).await?;
    let good = provider.access_token(&json!({}), 3600).await?;
    let port = stage.server.port();
    let token = good.clone();
    let load = Load::start(move || {
        let token = token.clone();
        async move { matches!(barely_log_in(port, &token).await, Ok(true)) }
    });
    let before = Before::fault(&stage, load).await?;
    let at_first = provider.fetches().await?.keys;

    // The control: the host denies these tokens for their audience, before it looks for a key. This
    // is the cost of a crowd alone.
    let control = crowd(port, Forgery::Audience, &good).await?;
    let storm = crowd(port, Forgery::KeyId, &good).await?;

    let logins = before.load.so_far();
    let mut outcome = before.and_after(&stage, SOON).await?;
    let failed = outcome.during.failed;
    outcome.require(failed == 0, "logins failed beside the crowd");
    let fetches = provider.fetches().await?.keys - at_first;
    outcome.require(fetches <= MAX_FETCHES, "too many fetches");
    let (beside_control, beside_storm) = (median(&logins, control)?, median(&logins, storm)?);
    let slower = beside_storm.as_secs_f64() / beside_control.as_secs_f64();
    outcome.require(slower <= MAX_SLOWDOWN, "other logins are slowed down");
    outcome.note(&format!(
        "{CROWD} unknown key ids, {fetches} fetches; other logins take {slower:.2} times what they take beside {CROWD} tokens \
         for somebody else"
    ));
    Ok(outcome)
}

/// The times at which a crowd began and ended.
type Span = (Instant, Instant);

/// Logs in with forged tokens, and fails if the server accepts one.
async fn crowd(port: u16, forgery: Forgery, token: &str) -> Result<Span> {
    let began = Instant::now();
    let logins = stream::iter(0..CROWD).map(|number| {
        let token = forgery.of(token, number);
        async move { barely_log_in(port, &token?).await }
    });
    let mut logins = logins.buffer_unordered(AT_ONCE);
    while let Some(admitted) = logins.next().await {
        ensure!(!admitted?, "a forged token was believed");
    }
    Ok((began, Instant::now()))
}

/// Returns the median latency of the logins within a span of time.
fn median(logins: &[Login], (began, ended): Span) -> Result<Duration> {
    let inside = logins
        .iter()
        .filter(|login| login.began >= began && login.ended <= ended);
    let mut durations: Vec<_> = inside.map(|login| login.ended - login.began).collect();
    durations.sort_unstable();
    let middle = durations.get(durations.len() / 2).copied();
    middle.context("no login went on beside the crowd")
}
