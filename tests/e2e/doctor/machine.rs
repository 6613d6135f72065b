//! The host's machine: its state directory and the modes of its files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use anyhow::Result;
use portcullis_harness::{Accounts, Built, PATIENCE};
use tokio::process::Command;
use tokio::time::timeout;

use super::{Report, configure, doctor, site};

/// A limit on the size of files stands for a full file system.
#[tokio::test]
async fn a_full_state_directory_is_found() -> Result<()> {
    let site = site()?;
    fs::create_dir(site.path().join("state"))?;
    let server = site.start_server(Accounts::Several).await?;
    configure(&site, &server, |config| config)?;
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"])
        .arg(Built::portcullis()?)
        .args(["doctor", "--json", "--config"])
        .arg(site.path().join("portcullis.toml"))
        .stdin(Stdio::null())
        .kill_on_drop(true);

    let output = timeout(PATIENCE, command.output()).await??;

    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let report = Report::parse(output.status.code(), &stdout, &stderr)?;
    assert_eq!(report.codes(), ["state-directory-full"], "{report:#?}");
    let left = fs::read_dir(site.path().join("state"))?.count();
    assert_eq!(left, 0, "the trial leaves nothing behind");
    Ok(())
}

#[tokio::test]
async fn policies_and_keys_that_every_user_can_change_are_found() -> Result<()> {
    let site = site()?;
    let server = site.start_server(Accounts::Several).await?;
    configure(&site, &server, |config| config)?;
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(site.policies.path(), open.clone())?;
    fs::set_permissions(site.path().join("keys/issuer.nk"), open)?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(
        report.codes(),
        ["secret-exposed", "policies-exposed"],
        "{report:#?}"
    );
    Ok(())
}
