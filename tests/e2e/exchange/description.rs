//! The description of the routes, compared with the running exchange by schemathesis.

use std::env::join_paths;

use anyhow::{Result, ensure};
use portcullis_harness::{Built, Exchange, Release};
use tokio::process::Command;

#[tokio::test]
async fn every_answer_is_as_described() -> Result<()> {
    let mut stage = Exchange::start(Release::Nats2_15).await?;
    let token = stage.token("orders:read").await?;
    let clients = Built::clients()?;
    let url = format!("http://{}/openapi.json", stage.address);
    let output = Command::new(Built::python()?)
        .args(["-m", "schemathesis.cli", "run", &url])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        // A pattern cannot say that the checksum of an nkey is right and that a nonce is known.
        .args(["--checks", "all"])
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--max-examples", "20", "--seed", "1"])
        .args(["--request-timeout", "60", "--suppress-health-check", "all"])
        .env("PYTHONPATH", join_paths([clients.join("python"), clients])?)
        .env("SCHEMATHESIS_HOOKS", "media_types")
        // It writes its database of examples there.
        .current_dir(stage.site.path())
        .kill_on_drop(true)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout).replace(&token, "TOKEN");
    ensure!(output.status.success(), "{text}");
    // A run without requests would succeed too.
    ensure!(text.contains("Tested: 4"), "{text}");
    Ok(())
}
