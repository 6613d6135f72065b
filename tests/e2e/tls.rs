//! TLS to the servers, with and without a certificate of the host.

use std::fs;

use anyhow::Result;
use async_nats::ConnectOptions;
use portcullis_harness::{Authority, Host, NatsServer, PATIENCE, Release, Site, unix_now};
use rstest::rstest;
use tokio::time::timeout;

use crate::health;
use crate::support::{SENSOR_TOKEN, sensor_site};

/// Creates a site with the sensor in its settings, an authority, and a server with a certificate of
/// it. `more` is added to the server's `tls`.
async fn site(release: Release, more: &str) -> Result<(Site, Authority, NatsServer)> {
    let site = sensor_site(release).await?;
    let authority = Authority::create(&site.path().join("tls"))?;
    let certificate = authority.issue("server")?;
    let (issuer, callout) = (
        site.keys.issuer.public_key(),
        site.keys.callout.public_key(),
    );
    let server = site
        .start_server_with(&format!(
            "accounts {{ AUTH {{ users: [ {{ nkey: {callout} }} ] }}\n APP {{}}\n SYS {{}} }}\n\
             system_account: SYS\n\
             authorization {{\n timeout: 5\n auth_callout {{ issuer: {issuer}, account: AUTH, auth_users: [ {callout} ] }} }}\n\
             tls {{\n cert_file: \"{}\"\n key_file: \"{}\"\n ca_file: \"{}\"\n timeout: 5\n {more}\n}}\n",
            certificate.file.display(),
            certificate.key_file.display(),
            authority.file.display(),
        ))
        .await?;
    Ok((site, authority, server))
}

/// Starts a host with `lines` in the table `nats`.
fn spawn(site: &Site, url: &str, lines: &str) -> Result<Host> {
    let config = site.host_config(url, "");
    site.spawn_host_with(&config.replacen("[nats]\n", &format!("[nats]\n{lines}\n"), 1))
}

/// Logs in the sensor over TLS.
async fn log_in(options: ConnectOptions, authority: &Authority, server: &NatsServer) -> Result<()> {
    options
        .token(SENSOR_TOKEN.to_owned())
        .add_root_certificates(authority.file.clone())
        .require_tls(true)
        .max_reconnects(1)
        .connect(server.url())
        .await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_server_with_tls_is_reached_if_its_authority_is_known(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(false, true)] handshake_first: bool,
) -> Result<()> {
    let more = if handshake_first {
        "handshake_first: true"
    } else {
        ""
    };
    let (site, authority, server) = site(release, more).await?;
    let lines = format!("tls-ca-file = \"tls/authority.pem\"\ntls-first = {handshake_first}");

    let host = spawn(&site, &server.url(), &lines)?;

    host.ready().await?;
    let options = ConnectOptions::new();
    let options = if handshake_first {
        options.tls_first()
    } else {
        options
    };
    log_in(options, &authority, &server).await
}

#[rstest]
#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_the_hosts(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let (site, authority, server) = site(release, "verify: true").await?;
    let own = authority.issue("host")?;
    let known = "tls-ca-file = \"tls/authority.pem\"";
    let with =
        format!("{known}\ntls-cert-file = \"tls/host.pem\"\ntls-key-file = \"tls/host.key\"");

    let (host, address) = health::spawn(&site, &server.url(), &with).await?;
    host.ready().await?;
    let name = "portcullis_certificate_expiry_timestamp_seconds{key=\"nats.tls-cert-file\"}";
    let expiry = async {
        loop {
            // The file is read once the host runs.
            if let Ok(expiry) = health::metric(&address, name).await {
                return expiry;
            }
        }
    };
    assert!(timeout(PATIENCE, expiry).await? > unix_now());
    let options = ConnectOptions::new().add_client_certificate(own.file, own.key_file);
    log_in(options, &authority, &server).await?;

    let without = spawn(&site, &server.url(), known)?;
    without
        .wait_for("a refusal", |event| event.says("nats connection failed"))
        .await?;
    Ok(())
}

#[tokio::test]
async fn files_that_are_replaced_count_from_the_next_connection_on() -> Result<()> {
    let (site, authority, server) = site(Release::Nats2_15, "verify: true").await?;
    authority.issue("host")?;
    let lines = "tls-ca-file = \"tls/authority.pem\"\n\
                 tls-cert-file = \"tls/host.pem\"\ntls-key-file = \"tls/host.key\"";
    let host = spawn(&site, &server.url(), lines)?;
    host.ready().await?;

    // Another authority, and its certificates, in the same files.
    let next = Authority::create(&site.path().join("tls"))?;
    next.issue("server")?;
    let own = next.issue("host")?;
    let mark = host.log().len();
    let server = server.stop().await?.await?;

    host.says_from(mark, "nats reconnected").await?;
    let options = ConnectOptions::new().add_client_certificate(own.file, own.key_file);
    log_in(options, &next, &server).await
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_not_trusted() -> Result<()> {
    let (site, _authority, server) = site(Release::Nats2_15, "").await?;
    Authority::create(&site.path().join("other"))?;

    let host = spawn(
        &site,
        &server.url(),
        "tls-ca-file = \"other/authority.pem\"",
    )?;

    let failed = host
        .wait_for("a failure", |event| event.says("nats connection failed"))
        .await?;
    assert!(failed.text("error").contains("certificate"), "{failed:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_without_tls_is_refused_if_tls_is_required() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let server = site
        .start_server(portcullis_harness::Accounts::Several)
        .await?;

    let host = spawn(&site, &server.url(), "tls-required = true")?;

    host.wait_for("a failure", |event| event.says("nats connection failed"))
        .await?;
    let connected = |event: &portcullis_harness::Event| event.says("nats connected");
    assert!(!host.log().all().iter().any(connected));
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_no_certificate_is_named_before_anything_is_tried() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    fs::write(site.path().join("not.pem"), "nothing")?;

    let mut host = spawn(&site, "tls://127.0.0.1:1", "tls-ca-file = \"not.pem\"")?;

    assert_eq!(host.ended().await?, Some(78));
    let log = host.log().all();
    let named = |event: &portcullis_harness::Event| {
        event.line().contains("nats.tls-ca-file")
            && event.line().contains("not.pem` holds no certificate")
    };
    assert!(log.iter().any(named), "{log:#?}");
    Ok(())
}
