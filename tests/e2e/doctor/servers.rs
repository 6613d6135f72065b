//! What host and servers do not agree about: keys, account, callout, users, timeout, clock.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use nkeys::{KeyPair, XKey};
use portcullis_harness::{Accounts, ShiftedClock};
use rstest::rstest;

use super::{configure, doctor, server_conf, site, start_server_without_callout_user, with};

#[tokio::test]
async fn another_issuer_is_found() -> Result<()> {
    let site = site()?;
    let other = KeyPair::new_account().public_key();
    let server = site
        .start_server_trusting(Accounts::Several, &other)
        .await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(report.codes(), ["callout-issuer-differs"], "{report:#?}");
    assert_eq!(report.code, Some(85));
    let finding = report.finding("callout-issuer-differs");
    for key in [other, site.keys.issuer.public_key()] {
        assert!(finding.contains(&key), "{finding}");
    }
    Ok(())
}

#[rstest]
#[case::of_another_key(true, true, "callout-xkey-differs")]
#[case::without_a_key(true, false, "callout-xkey-missing-here")]
#[case::with_a_key_for_nothing(false, true, "callout-xkey-missing-there")]
#[tokio::test]
async fn another_xkey_is_found(
    #[case] there: bool,
    #[case] here: bool,
    #[case] code: &str,
) -> Result<()> {
    let site = site()?;
    fs::write(site.path().join("keys/curve.nk"), XKey::new().seed()?)?;
    fs::set_permissions(
        site.path().join("keys/curve.nk"),
        fs::Permissions::from_mode(0o600),
    )?;
    let other = there.then(|| XKey::new().public_key());
    let server = site.start_encrypting_server(other.as_deref()).await?;
    let line = if here {
        "xkey-seed-file = \"keys/curve.nk\""
    } else {
        ""
    };
    configure(&site, &server, with(line))?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(report.codes(), [code], "{report:#?}");
    let compared = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;
    assert_eq!(compared.codes(), [code, code], "{compared:#?}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_asks_another_account_is_found() -> Result<()> {
    let site = site()?;
    let callout = site.keys.callout.public_key();
    let issuer = site.keys.issuer.public_key();
    let config = format!(
        "accounts {{\n  AUTH {{ users: [ {{ nkey: {callout} }} ] }}\n  APP {{}}\n  OTHER {{}}\n  SYS {{}}\n}}\n\
         system_account: SYS\n\
         authorization {{\n  timeout: 2\n  auth_callout {{ issuer: {issuer}, account: OTHER, auth_users: [ {callout} ] }}\n}}\n"
    );
    let server = site.start_server_with(&config).await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &[], &[]).await?;
    assert_eq!(report.codes(), ["callout-not-asked"], "{report:#?}");
    let compared = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;
    assert_eq!(
        compared.codes(),
        ["callout-not-asked", "callout-account-differs"]
    );

    configure(&site, &server, |config| {
        config.replace("account = \"AUTH\"", "account = \"OTHER\"")
    })?;
    let wrong_here = doctor(&site, &[], &[]).await?;
    assert_eq!(wrong_here.codes(), ["account-differs", "callout-not-asked"]);
    Ok(())
}

#[tokio::test]
async fn a_server_without_callout_is_found() -> Result<()> {
    let site = site()?;
    let server = site.start_server(Accounts::NoCallout).await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &[], &[]).await?;
    assert_eq!(report.codes(), ["callout-not-asked"], "{report:#?}");
    let compared = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;
    assert_eq!(compared.codes(), ["callout-not-asked", "callout-absent"]);
    Ok(())
}

#[tokio::test]
async fn a_user_that_is_missing_from_auth_users_is_found() -> Result<()> {
    let site = site()?;
    let callout = site.keys.callout.public_key();
    let server = start_server_without_callout_user(&site).await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &["--server-conf", &server_conf(&site)], &[]).await?;

    assert_eq!(
        report.codes(),
        ["login-refused", "callout-user-missing"],
        "{report:#?}"
    );
    assert!(report.finding("callout-user-missing").contains(&callout));
    Ok(())
}

#[tokio::test]
async fn a_timeout_that_is_too_short_is_found() -> Result<()> {
    let site = site()?;
    let server = site.start_server_waiting(Accounts::Several, "1").await?;
    configure(&site, &server, |config| config)?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(report.codes(), ["callout-timeout-too-short"], "{report:#?}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[rstest]
#[tokio::test]
async fn a_clock_that_is_off_by_minutes_is_found(#[values(300, -300)] seconds: i64) -> Result<()> {
    let site = site()?;
    let server = site.start_server(Accounts::Several).await?;
    configure(&site, &server, |config| config)?;
    let clock = ShiftedClock::build(site.path(), seconds)?;

    let report = doctor(&site, &[], &[clock.variable()]).await?;

    assert_eq!(report.codes(), ["clock-differs"], "{report:#?}");
    let side = if seconds > 0 {
        "s ahead of"
    } else {
        "s behind"
    };
    assert!(
        report.finding("clock-differs").contains(side),
        "{report:#?}"
    );
    Ok(())
}
