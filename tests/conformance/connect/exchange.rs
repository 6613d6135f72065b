//! The service that exchanges tokens, with the requests of Go connect v0.11.4.

use anyhow::{Result, ensure};
use nkeys::KeyPair;
use portcullis_harness::{Exchange, Release};
use serde_json::json;

use crate::stage::{expect, expect_all};

/// The trace of the request that [`Exchange::connect_request`] sends.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Verifies that a request of connect obtains a user JWT with the policy's permissions, with which
/// nats-py logs in.
pub(super) async fn requests_of_connect(release: Release) -> Result<()> {
    let mut stage = Exchange::start(release).await?;
    let token = stage.token("orders:read").await?;
    let key = KeyPair::new_user();
    let nkey = key.public_key();
    let page = stage.connect_request("/core/tokens", &token, &nkey).await?;
    ensure!(page.status == 201, "{page:?}");
    ensure!(
        page.head.contains("content-type: application/jwt"),
        "{page:?}"
    );
    let info = stage.user_info(&page.content, &key).await?;
    let account = stage.operator.account("APP")?.public_key();
    expect(&info, "/account", &json!(account))?;
    let permissions = "/permissions/subscribe";
    let allowed = ["orders.>", "_INBOX.>"];
    expect_all(&info, &format!("{permissions}/allow"), &allowed)?;
    expect_all(&info, &format!("{permissions}/deny"), &["orders.sealed"])
}

/// Verifies that the account is the caller's choice with the scope for it only, and needs a name.
pub(super) async fn admin(release: Release) -> Result<()> {
    let mut stage = Exchange::start(release).await?;
    let plain = stage.token("orders:read").await?;
    let admin = stage.token("admin:write").await?;
    let key = KeyPair::new_user();
    let nkey = key.public_key();
    for (account, token, status) in [
        ("OTHER", &plain, 403),
        ("a.b", &admin, 400),
        ("OTHER", &admin, 201),
    ] {
        let path = format!("/admin/accounts/{account}/tokens");
        let page = stage.connect_request(&path, token, &nkey).await?;
        ensure!(page.status == status, "{page:?}");
        if status == 201 {
            let info = stage.user_info(&page.content, &key).await?;
            let account = stage.operator.account(account)?.public_key();
            expect(&info, "/account", &json!(account))?;
        }
    }
    Ok(())
}

/// Verifies that the log of an exchange has the trace of its request.
pub(super) async fn trace(release: Release) -> Result<()> {
    let mut stage = Exchange::start(release).await?;
    let token = stage.token("orders:read").await?;
    let nkey = KeyPair::new_user().public_key();
    let page = stage.connect_request("/core/tokens", &token, &nkey).await?;
    ensure!(page.status == 201, "{page:?}");
    let decision = stage.host.decision("go-host").await?;
    ensure!(decision.text("trace_id") == TRACE, "{decision:?}");
    Ok(())
}
