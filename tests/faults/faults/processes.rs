//! Processes that exit.

use std::time::Duration;

use anyhow::Result;
use portcullis_harness::Accounts;

use super::Before;
use crate::load::AT_ONCE;
use crate::report::Outcome;
use crate::service::Stage;

/// The maximum time until logins succeed again. The host waits up to five seconds before it
/// reconnects to a server. Clients that log in before that wait for the server's timeout of five
/// seconds.
const AFTER_SERVER: Duration = Duration::from_secs(12);
/// The maximum time until logins succeed again: a second host is running.
const AFTER_HOST: Duration = Duration::from_secs(1);

pub(super) async fn server_killed() -> Result<Outcome> {
    let mut stage = Stage::start(1, Accounts::Several, "").await?;
    let before = Before::fault(&stage, stage.load()).await?;
    let start_again = stage.server.stop().await?;
    before.load.fails(2 * AT_ONCE).await?;
    stage.server = start_again.await?;
    before.and_after(&stage, AFTER_SERVER).await
}

pub(super) async fn host_killed() -> Result<Outcome> {
    let mut stage = Stage::start(2, Accounts::Several, "").await?;
    let before = Before::fault(&stage, stage.load()).await?;
    stage.host(1)?.kill().await?;
    let mut outcome = before.and_after(&stage, AFTER_HOST).await?;
    // Each client has one pending login.
    let failed = outcome.during.failed;
    outcome.require(
        failed <= AT_ONCE,
        "more logins failed than were in flight in the host that was killed",
    );
    Ok(outcome)
}

pub(super) async fn host_stopped() -> Result<Outcome> {
    let mut stage = Stage::start(2, Accounts::Several, "").await?;
    let before = Before::fault(&stage, stage.load()).await?;
    let host = stage.host(1)?;
    host.ask_to_stop().await?;
    let code = host.ended().await?;
    let mut outcome = before.and_after(&stage, AFTER_HOST).await?;
    outcome.require(code == Some(0), "the host did not stop with exit code 0");
    let failed = outcome.during.failed;
    outcome.require(failed == 0, "logins failed while the host stopped");
    Ok(outcome)
}
