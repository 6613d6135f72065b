//! Logins with nats.go.

use anyhow::{Result, ensure};
use portcullis_harness::{ForeignClient, Login, Session, Step};
use serde_json::Value;

use super::logins::{Stage, TOKEN};

/// A subject that the user may publish on, and one that it may not.
const ALLOWED: &str = "parcels.new";
const DENIED: &str = "orders.new";

/// Verifies that a program with nats.go logs in with what `creds mint` wrote and with the sentinel,
/// and is refused where it should be.
pub(super) async fn logins(stage: &Stage) -> Result<()> {
    let file = stage.made.path("go.creds");
    let creds = file.display();
    let add = "user add go --account APP --allow-pub parcels.> --allow-pub $SYS.REQ.USER.INFO";
    stage
        .made
        .text(&format!("{add} --allow-sub _INBOX.> --creds {creds}"))
        .await?;
    let steps = [
        Step::UserInfo,
        Step::Publish(ALLOWED),
        Step::Publish(DENIED),
        Step::Subscribe(ALLOWED),
    ];
    let session = run(stage, Login::credentials_file(&file), &steps).await?;
    is_in_app(stage, &session)?;
    let as_permitted = session.accepted(1) && session.refused(2) && session.refused(3);
    ensure!(as_permitted, "{session:?}");

    let shared = Login::credentials(&stage.shared()?).inbox_prefix("_INBOX");
    let behind = shared.clone().and_token(TOKEN);
    let session = run(stage, behind, &[Step::UserInfo]).await?;
    is_in_app(stage, &session)?;

    let unknown = shared.and_token("a-token-that-no-policy-knows");
    for login in [Login::token(TOKEN), unknown] {
        let session = run(stage, login, &[]).await?;
        ensure!(session.is_refused_without_reason(), "{session:?}");
    }
    Ok(())
}

async fn run(stage: &Stage, login: Login, steps: &[Step<'_>]) -> Result<Session> {
    let url = stage.server.url();
    ForeignClient::Go.run(&url, login, "go", steps).await
}

fn is_in_app(stage: &Stage, session: &Session) -> Result<()> {
    ensure!(session.connected, "{session:?}");
    let info = session.result(0, "info");
    let account = info.get("account").and_then(Value::as_str);
    ensure!(account == Some(stage.key.as_str()), "{info}");
    Ok(())
}
