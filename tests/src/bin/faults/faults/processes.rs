//! Processes that end.

use std::time::Duration;

use anyhow::Result;
use portcullis_tests::Accounts;

use super::Before;
use crate::load::AT_ONCE;
use crate::report::Outcome;
use crate::stage::Stage;

/// The host waits up to five seconds before it tries a server again, and clients whose logins come before it is back wait
/// for the five seconds that the server gives a login.
const AFTER_SERVER: Duration = Duration::from_secs(12);
/// There is another host.
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
    // Each client has one login in flight.
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
