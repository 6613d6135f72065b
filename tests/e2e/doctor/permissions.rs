//! Permissions of the host's own user.

use anyhow::Result;
use portcullis_harness::{Accounts, NatsServer, Release, Site};
use rstest::rstest;

use super::doctor;

/// Tables that publish a login event for each login.
const EVENTS: &str = "[records.events]\nsubject = \"portcullis.logins.{account}\"\n";

/// Starts a server whose user for the host may publish what logins need, and on `more`.
async fn restricted(site: &Site, more: &str) -> Result<NatsServer> {
    let user = format!("{{ nkey: {} }}", site.keys.callout.public_key());
    let allowed = format!(
        "publish: [ \"$SYS._INBOX.>\", \"$SYS.REQ.USER.INFO\", \"$SRV.INFO\", \"_INBOX.>\", \"{more}\" ]"
    );
    let permitted = user.replace(" }", &format!(", permissions {{ {allowed} }} }}"));
    let config = site.server_config(Accounts::Several, &site.keys.issuer.public_key());
    site.start_server_with(&config.replace(&user, &permitted))
        .await
}

/// Returns a configuration with an inbox prefix that the permissions admit.
fn config(site: &Site, server: &NatsServer) -> String {
    let config = site.host_config(&server.url(), EVENTS);
    config.replace("[nats]\n", "[nats]\ninbox-prefix = \"_INBOX\"\n")
}

#[rstest]
#[tokio::test]
async fn a_missing_permission_for_login_events_is_said_and_found(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    let server = restricted(&site, "portcullis.logins.OTHER").await?;
    let mut host = site.spawn_host_with(&config(&site, &server))?;

    let missing = host.says("permission missing").await?;
    assert_eq!(missing.text("permission.side"), "publish");
    assert_eq!(missing.text("permission.subject"), "portcullis.logins.*");
    host.kill().await?;

    let report = doctor(&site, &[], &[]).await?;
    assert_eq!(report.codes(), ["permission-missing"], "{report:#?}");
    let finding = report.finding("permission-missing");
    for part in [
        "allow the user to publish `portcullis.logins.*`",
        "without it the host cannot publish login events",
    ] {
        assert!(finding.contains(part), "{finding}");
    }
    Ok(())
}

#[rstest]
#[case::of_every_account("portcullis.logins.*")]
#[case::of_the_target_account("portcullis.logins.APP")]
#[tokio::test]
async fn a_permission_for_login_events_suffices(#[case] subject: &str) -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let server = restricted(&site, subject).await?;
    site.write_config("portcullis.toml", &config(&site, &server))?;

    let report = doctor(&site, &[], &[]).await?;

    assert_eq!(report.codes(), [""; 0], "{report:#?}");
    Ok(())
}
