//! The host's health and metrics over HTTP, and the exit of a host that gives up.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_nats::HeaderMap;
use portcullis_harness::{
    Accounts, Built, Credentials, Event, Host, NatsServer, PATIENCE, Page, Release, RequestSigner,
    Site, ask, ask_as_server, barely_log_in, log_in, set,
};
use rstest::rstest;
use tokio::net::TcpStream;

use crate::support::{SENSOR, SENSOR_TOKEN, put_sensor};

pub(crate) async fn get(address: &str, path: &str) -> Result<Page> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    ask(address, &request).await
}

/// Returns the number of a line of `/metrics`, by its name and labels.
pub(crate) async fn metric(address: &str, name: &str) -> Result<u64> {
    let page = get(address, "/metrics").await?;
    let mut lines = page.content.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let number = line.with_context(|| format!("no `{name}` in {}", page.content))?;
    // The fraction of a gauge is zero.
    let whole = number.split_once('.').map_or(number, |(whole, _)| whole);
    Ok(whole.parse()?)
}

/// Starts a host with `lines` in the table `nats` and with health pages. Returns the host and the
/// address of the pages.
pub(crate) async fn spawn(site: &Site, url: &str, lines: &str) -> Result<(Host, String)> {
    let config = site.host_config(url, "[health]\nlisten = \"127.0.0.1:0\"\n");
    let config = config.replacen("[nats]\n", &format!("[nats]\n{lines}\n"), 1);
    let host = site.spawn_host_with(&config)?;
    let served = host
        .wait_for("the address", |event| event.says("health served"))
        .await?;
    let address = served.text("health.address").to_owned();
    Ok((host, address))
}

/// Creates a site with the sensor in its settings, or without a policy, and starts a server.
async fn site(release: Release, with_policy: bool) -> Result<(Site, NatsServer)> {
    let site = Site::create(release)?;
    if with_policy {
        put_policy(&site).await?;
    }
    let server = site.start_server(Accounts::Several).await?;
    Ok((site, server))
}

async fn put_policy(site: &Site) -> Result<()> {
    put_sensor(&site.policies).await
}

#[rstest]
#[tokio::test]
async fn readiness_follows_the_connection(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let (site, server) = site(release, true).await?;
    let url = server.url();
    let start_again = server.stop().await?;
    let (host, address) = spawn(&site, &url, "connections = 1").await?;

    let page = get(&address, "/readyz").await?;
    assert_eq!(page.status, 503, "{page:?}");
    assert!(page.content.starts_with("connecting: "), "{page:?}");
    assert_eq!(get(&address, "/healthz").await?.status, 200);
    let attempt = format!("cannot connect to `{}`", url.trim_start_matches("nats://"));
    let failed = |event: &Event| event.text("error").contains(&attempt);
    host.wait_for("a failed attempt", failed).await?;
    let page = get(&address, "/readyz").await?;
    assert!(page.content.contains(&attempt), "{page:?}");

    let server = start_again.await?;
    host.decides().await?;
    let page = get(&address, "/readyz").await?;
    assert_eq!((page.status, page.content.as_str()), (200, "ready\n"));

    let start_again = server.stop().await?;
    host.wait_for("the loss", |event| event.says("nats disconnected"))
        .await?;
    let page = get(&address, "/readyz").await?;
    assert_eq!(page.status, 503, "{page:?}");
    assert!(
        page.content
            .starts_with("disconnected: the connection `portcullis`"),
        "{page:?}"
    );
    assert_eq!(get(&address, "/healthz").await?.status, 200);

    let _server = start_again.await?;
    host.wait_for("the return", |event| event.says("nats reconnected"))
        .await?;
    assert_eq!(get(&address, "/readyz").await?.status, 200);
    Ok(())
}

/// Covers a release that does not exist, which only a request by hand has.
#[tokio::test]
async fn a_release_that_is_not_known_has_a_line_and_a_number() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    put_policy(&site).await?;
    let server = site.start_server(Accounts::NoCallout).await?;
    let (host, address) = spawn(&site, &server.url(), "").await?;
    host.ready().await?;
    assert_eq!(
        metric(&address, "portcullis_server_releases_unknown").await?,
        0
    );
    let (user, password) = Site::OBSERVER;
    let credentials = Credentials::Password(user, password);
    let client = log_in(&server.url(), credentials, "by-hand").await?;
    let signer = RequestSigner::new(&site.keys.issuer.public_key());
    let ready = get(&address, "/readyz").await?;

    for _ in 0..2 {
        let mut claims = signer.claims(SENSOR_TOKEN);
        set(&mut claims, "/nats/server_id/version", "9.9.9".into())?;
        let request = signer.sign(&claims)?.into_bytes();
        ask_as_server(&client, HeaderMap::new(), request).await?;
    }

    let page = get(&address, "/readyz").await?;
    assert_eq!(page.status, ready.status, "{page:?}");
    let lines = page.content.lines();
    let unknown: Vec<_> = lines.filter(|line| line.starts_with("unknown-")).collect();
    assert_eq!(
        unknown,
        ["unknown-release: the rules of nats-server `9.9.9` are not known here"],
        "{page:?}"
    );
    assert_eq!(
        metric(&address, "portcullis_server_releases_unknown").await?,
        1
    );
    let log = host.log().all();
    let warned = |event: &&Event| {
        event
            .text("message")
            .starts_with("server of an unknown release")
    };
    let warnings: Vec<_> = log.iter().filter(warned).collect();
    let [warning] = warnings[..] else {
        panic!("not one warning: {warnings:?}");
    };
    assert_eq!(warning.text("server.version"), "9.9.9");
    assert_eq!(warning.text("level"), "WARN");
    Ok(())
}

#[tokio::test]
async fn readiness_wants_a_policy() -> Result<()> {
    let (site, server) = site(Release::Nats2_15, false).await?;
    let (host, address) = spawn(&site, &server.url(), "").await?;
    host.denies_alone().await?;

    let page = get(&address, "/readyz").await?;
    assert_eq!(page.status, 503, "{page:?}");
    assert!(page.content.starts_with("no-policy: "), "{page:?}");

    put_policy(&site).await?;
    host.decides().await?;
    assert_eq!(get(&address, "/readyz").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_policy_that_the_order_names_must_be_there() -> Result<()> {
    let (site, server) = site(Release::Nats2_15, true).await?;
    let config = site.host_config(
        &server.url(),
        "order = [\"absent\"]\n[health]\nlisten = \"127.0.0.1:0\"\n",
    );
    let host = site.spawn_host_with(&config)?;
    host.denies_alone().await?;
    let listening = host
        .wait_for("the address", |event| event.says("health served"))
        .await?;

    let page = get(listening.text("health.address"), "/readyz").await?;

    assert_eq!(page.status, 503, "{page:?}");
    assert!(
        page.content.contains("missing-policy: `absent`"),
        "{page:?}"
    );
    Ok(())
}

#[tokio::test]
async fn metrics_count_logins_for_every_connection() -> Result<()> {
    let (site, server) = site(Release::Nats2_15, true).await?;
    let (host, address) = spawn(&site, &server.url(), "connections = 2").await?;
    host.decides().await?;
    log_in(&server.url(), SENSOR, "roof").await?;
    host.decision("roof").await?;

    let page = get(&address, "/metrics").await?;

    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.head.contains("text/plain; version=0.0.4"), "{page:?}");
    for line in [
        "portcullis_ready 1.0",
        "portcullis_policies 1.0",
        "portcullis_nats_connected{connection=\"portcullis-1\"} 1.0",
        "portcullis_nats_connected{connection=\"portcullis-2\"} 1.0",
        "# TYPE portcullis_permits_total counter",
        "portcullis_permits_total 1",
        "portcullis_denials_total{class=\"policy-denied\"} 0",
        "portcullis_refusals_total{reason=\"issuer\"} 0",
    ] {
        assert!(
            page.content.lines().any(|other| other == line),
            "`{line}` in {}",
            page.content
        );
    }
    Ok(())
}

#[tokio::test]
async fn metrics_are_open_metrics_if_the_client_accepts_them() -> Result<()> {
    let (site, server) = site(Release::Nats2_15, true).await?;
    let (_host, address) = spawn(&site, &server.url(), "").await?;
    let request =
        "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text\r\n\r\n";

    let page = ask(&address, request).await?;

    assert!(
        page.head.contains("application/openmetrics-text"),
        "{page:?}"
    );
    assert!(page.content.ends_with("# EOF\n"), "{page:?}");
    Ok(())
}

#[tokio::test]
async fn connections_are_measured_before_they_are_made() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let (_host, address) = spawn(&site, "nats://127.0.0.1:1", "connections = 1").await?;

    let page = get(&address, "/metrics").await?;

    let line = "portcullis_nats_connected{connection=\"portcullis\"} 0.0";
    assert!(page.content.contains(line), "{page:?}");
    Ok(())
}

#[tokio::test]
async fn silent_connections_do_not_keep_probes_out() -> Result<()> {
    let (site, server) = site(Release::Nats2_15, true).await?;
    let (_host, address) = spawn(&site, &server.url(), "").await?;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(&address).await?);
    }

    for _ in 0..5 {
        assert_eq!(get(&address, "/healthz").await?.status, 200);
    }
    Ok(())
}

/// Verifies that a host keeps running, and stops when it should, if its standard error is a pipe
/// that is never read.
#[tokio::test]
async fn a_log_that_is_not_read_stops_neither_logins_nor_the_end() -> Result<()> {
    let (site, server) = site(Release::Nats2_15, true).await?;
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let health = format!("[health]\nlisten = \"{free}\"\n[log]\nlevel = \"trace\"\n");
    let file = site.write_config("unread.toml", &site.host_config(&server.url(), &health))?;
    let mut host = std::process::Command::new(Built::portcullis()?)
        .args(["serve", "--log-format", "json", "--config"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // The log, which says when the host is ready, stays unread: a login has to tell.
    let begun = Instant::now();
    while !barely_log_in(server.port(), SENSOR_TOKEN).await? {
        ensure!(begun.elapsed() < PATIENCE, "the host is never ready");
    }

    for number in 0..500 {
        let admitted = barely_log_in(server.port(), SENSOR_TOKEN).await?;
        ensure!(admitted, "login {number} is refused");
    }
    assert_eq!(get(&free, "/readyz").await?.status, 200);
    assert_eq!(get(&free, "/metrics").await?.status, 200);

    let kill = std::process::Command::new("kill")
        .arg(host.id().to_string())
        .status()?;
    ensure!(kill.success(), "cannot signal the host");
    let ended = tokio::task::spawn_blocking(move || host.wait());
    let status = tokio::time::timeout(Duration::from_mins(1), ended).await???;
    assert_eq!(status.code(), Some(0));
    Ok(())
}

#[tokio::test]
async fn rubbish_is_answered_and_survived() -> Result<()> {
    let (site, server) = site(Release::Nats2_15, true).await?;
    let (mut host, address) = spawn(&site, &server.url(), "").await?;
    let long = "x".repeat(100_000);

    for (request, status) in [
        ("GET /secrets HTTP/1.1\r\n\r\n".to_owned(), 404),
        (
            "POST /readyz HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
            405,
        ),
        ("\x16\x03\x01 hello\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nA: {long}\r\n\r\n"), 431),
    ] {
        let page = ask(&address, &request).await?;
        assert_eq!(page.status, status, "{page:?}");
    }
    let head = ask(&address, "HEAD /healthz HTTP/1.1\r\n\r\n").await?;
    assert_eq!((head.status, head.content.as_str()), (200, ""));

    ensure!(host.is_running()?, "the host ended");
    assert_eq!(get(&address, "/healthz").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_and_ends_the_host() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let health = format!("[health]\nlisten = \"{address}\"\n");
    let mut host = site.spawn_host_with(&site.host_config("nats://127.0.0.1:1", &health))?;

    assert_eq!(host.ended().await?, Some(71));

    let log = host.log().all();
    let last = log.last().context("the host said nothing")?;
    assert!(last.text("error").contains(&address), "{last:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_that_is_cut_off_for_too_long_ends_once_and_with_an_error(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let (site, server) = site(release, true).await?;
    let (mut host, _) = spawn(&site, &server.url(), "max-disconnected = \"300ms\"").await?;
    host.decides().await?;

    drop(server);

    assert_eq!(host.ended().await?, Some(69));
    let log = host.log().all();
    let gave_up: Vec<_> = log
        .iter()
        .filter(|event| event.text("error").contains("`max-disconnected`"))
        .collect();
    assert_eq!(gave_up.len(), 1, "{log:#?}");
    assert!(
        gave_up[0].says("cannot serve") && gave_up[0].text("level") == "ERROR",
        "{gave_up:?}"
    );
    Ok(())
}
