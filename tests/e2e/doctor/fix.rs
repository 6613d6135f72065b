//! `portcullis doctor --fix`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{configure, doctor, server_conf, site, start_server_without_callout_user};

/// Gives the file this mode.
fn set_mode(file: &Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(mode))?)
}

#[tokio::test]
async fn what_can_be_fixed_is_shown_and_fixed_on_request() -> Result<()> {
    let site = site()?;
    let callout = site.keys.callout.public_key();
    let server = start_server_without_callout_user(&site).await?;
    configure(&site, &server, |config| config)?;
    let seed = site.path().join("keys/issuer.nk");
    set_mode(&seed, 0o644)?;
    let content = fs::read(&seed)?;
    let conf = server_conf(&site);

    let shown = doctor(&site, &["--server-conf", &conf, "--fix"], &[]).await?;
    assert_eq!(shown.code, Some(85), "{shown:#?}");
    let fixes = shown.json["fixes"].as_array().context("no fixes")?;
    assert_eq!(fixes.len(), 2, "{shown:#?}");
    assert!(fixes.iter().all(|fix| fix["applied"] == false));
    let list = format!("auth_users: [ observer, {callout} ]");
    assert!(fixes[1]["diff"].to_string().contains(&list), "{shown:#?}");
    assert!(!fs::read_to_string(&conf)?.contains(&list), "only shown");

    let arguments = ["--server-conf", &conf, "--fix", "--write"];
    let written = doctor(&site, &arguments, &[]).await?;
    let fixes = written.json["fixes"].as_array().context("no fixes")?;
    assert!(
        fixes.iter().all(|fix| fix["applied"] == true),
        "{written:#?}"
    );
    assert!(fs::read_to_string(&conf)?.contains(&list));
    let backup = fixes[1]["backup"].as_str().context("no backup")?;
    assert!(!fs::read_to_string(backup)?.contains(&list));
    assert_eq!(fs::read(&seed)?, content);
    assert_eq!(fs::metadata(&seed)?.permissions().mode() & 0o777, 0o600);

    // The server takes the changed file.
    let _server = server.stop().await?.await?;
    let after = doctor(&site, &["--server-conf", &conf], &[]).await?;
    assert_eq!(after.codes(), [""; 0], "{after:#?}");
    Ok(())
}
