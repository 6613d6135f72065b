//! The participation of a host: when it decides logins, when it leaves them to other hosts, and
//! what it logs.

mod mismatches;
mod probe;
mod rejections;

use anyhow::{Context, Result, ensure};
use portcullis_harness::{
    Accounts, Host, NatsServer, PATIENCE, PolicyDirectory, Release, Site, barely_log_in,
};
use rstest::rstest;

use crate::health::{get, spawn};
use crate::support::{POLICY, SENSOR_TOKEN, put_sensor, sensor_site};

/// A site whose host decides logins, and its server.
struct Stage {
    site: Site,
    server: NatsServer,
}

impl Stage {
    async fn new(release: Release) -> Result<Self> {
        let site = sensor_site(release).await?;
        let server = site.start_server(Accounts::Several).await?;
        Ok(Self { site, server })
    }

    /// Starts a second host with a policy directory of its own, and with `callout` in that table.
    fn second_host(&self, callout: &str, tables: &str) -> Result<(Host, PolicyDirectory)> {
        let policies = PolicyDirectory::create(self.site.path().join("second"))?;
        let config = self
            .site
            .host_config(
                &self.server.url(),
                &format!("state-directory = \"second-state\"\n{tables}"),
            )
            .replace("directory = \"policies\"", "directory = \"second\"")
            .replace("[callout]\n", &format!("[callout]\n{callout}\n"));
        let file = self.site.write_config("second.toml", &config)?;
        Ok((Host::spawn(&file, &[])?, policies))
    }

    /// Returns the number of refused logins out of `number`.
    async fn refused(&self, number: usize) -> Result<usize> {
        refused(&self.server, number).await
    }
}

/// Returns the number of logins out of `number` that `server` refuses.
async fn refused(server: &NatsServer, number: usize) -> Result<usize> {
    let mut refused = 0;
    for _ in 0..number {
        if !barely_log_in(server.port(), SENSOR_TOKEN).await? {
            refused += 1;
        }
    }
    Ok(refused)
}

/// Returns the address of the health pages of `host`.
async fn health(host: &Host) -> Result<String> {
    let served = host.says("health served").await?;
    Ok(served.text("health.address").to_owned())
}

const HEALTH: &str = "[health]\nlisten = \"127.0.0.1:0\"\n";

/// Waits until `/readyz` has a line with this prefix. Each request takes a connection of its own,
/// which keeps the loop from spinning.
async fn readyz_says(address: &str, beginning: &str) -> Result<()> {
    let begun = std::time::Instant::now();
    loop {
        let page = get(address, "/readyz").await?;
        if page.content.lines().any(|line| line.starts_with(beginning)) {
            return Ok(());
        }
        ensure!(begun.elapsed() < PATIENCE, "`{beginning}` in {page:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_host_without_a_policy_leaves_logins_to_one_that_has_it(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values("", "order = [\"nosuch\"]\n")] order: &str,
) -> Result<()> {
    let stage = Stage::new(release).await?;
    let _first = stage.site.start_host(&stage.server).await?;
    let (second, policies) = stage.second_host("", &format!("{order}{HEALTH}"))?;
    let address = health(&second).await?;
    second.says(Host::LEAVES).await?;

    assert_eq!(stage.refused(30).await?, 0);
    let page = get(&address, "/readyz").await?;
    assert!(page.content.contains("standing-by: "), "{page:?}");
    let page = get(&address, "/metrics").await?;
    assert!(
        page.content.contains("\nportcullis_participating 0.0\n"),
        "{page:?}"
    );
    assert!(!second.log().all().iter().any(|event| event.says("ready")));

    if order.is_empty() {
        put_sensor(&policies).await?;
        second.decides().await?;
        readyz_says(&address, "ready").await?;
        let page = get(&address, "/metrics").await?;
        assert!(
            page.content.contains("\nportcullis_participating 1.0\n"),
            "{page:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_host_that_never_knew_the_locks_leaves_logins_to_others() -> Result<()> {
    let stage = Stage::new(Release::Nats2_15).await?;
    let _first = stage.site.start_host(&stage.server).await?;
    // The server has no such bucket, and the state directory no copy of it.
    let locks = "[key-value]\nbuckets = [\"locks\"]\nlocks = \"locks\"\n";
    let (second, policies) = stage.second_host("", &format!("{HEALTH}{locks}"))?;
    let address = health(&second).await?;
    put_sensor(&policies).await?;
    readyz_says(&address, "cannot-decide: the locks are unknown: ").await?;
    readyz_says(&address, "standing-by: ").await?;
    assert_eq!(stage.refused(30).await?, 0);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn the_last_host_denies_by_name_and_leaves_when_another_comes(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::new(release).await?;
    let (second, _policies) = stage.second_host("", "")?;
    second.denies_alone().await?;

    assert_eq!(stage.refused(1).await?, 1);
    let denied = second
        .wait_for("a decision", |event| event.says("authorization decided"))
        .await?;
    assert_eq!(denied.text("denial.class"), "no-policy");

    let mut first = stage.site.start_host(&stage.server).await?;
    second.says(Host::LEAVES).await?;
    assert_eq!(stage.refused(20).await?, 0);

    let mark = second.log().len();
    first.ask_to_stop().await?;
    first.ended().await?;
    second.says_from(mark, Host::DENIES_ALONE).await?;
    assert_eq!(stage.refused(1).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_host_that_cannot_decide_can_be_silent() -> Result<()> {
    let stage = Stage::new(Release::Nats2_15).await?;
    let (second, _policies) = stage.second_host("when-alone = \"silent\"", "")?;
    second.says(Host::LEAVES).await?;

    assert_eq!(stage.refused(1).await?, 1);

    let log = second.log().all();
    assert!(!log.iter().any(|event| event.says("authorization decided")));
    Ok(())
}

#[tokio::test]
async fn a_host_whose_policies_go_leaves_and_comes_back_with_them() -> Result<()> {
    let stage = Stage::new(Release::Nats2_15).await?;
    let _first = stage.site.start_host(&stage.server).await?;
    let (second, policies) = stage.second_host("", "")?;
    put_sensor(&policies).await?;
    second.decides().await?;

    policies.remove(POLICY)?;
    second.says(Host::LEAVES).await?;
    assert_eq!(stage.refused(20).await?, 0);

    let mark = second.log().len();
    put_sensor(&policies).await?;
    second.says_from(mark, Host::TAKES_PART).await?;
    assert_eq!(stage.refused(20).await?, 0);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_that_no_server_asks_says_so(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::NoCallout).await?;
    let (host, address) = spawn(&site, &server.url(), "").await?;

    let obstacle = host
        .wait_for("the obstacle", |event| {
            event.says("obstacle to deciding logins")
        })
        .await?;
    assert!(
        obstacle.text("error").starts_with("not-asked: "),
        "{obstacle:?}"
    );
    readyz_says(&address, "not-asked: ").await?;
    assert!(!get(&address, "/readyz").await?.content.contains("ready\n"));
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_in_another_account_says_so(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site
        .host_config(&server.url(), HEALTH)
        .replace("account = \"AUTH\"", "account = \"ELSEWHERE\"");
    let host = site.spawn_host_with(&config)?;
    let address = health(&host).await?;

    readyz_says(&address, "wrong-account: the host is in account `AUTH`").await
}

/// Starts a server whose user for the host has these permissions.
async fn restricted(site: &Site, permissions: &str) -> Result<NatsServer> {
    let callout = site.keys.callout.public_key();
    let issuer = site.keys.issuer.public_key();
    let config = format!(
        "server_name: portcullis-tests\n\
         system_account: SYS\n\
         accounts {{\n  AUTH {{ users: [ {{ nkey: {callout}, permissions {{ {permissions} }} }} ] }}\n  APP {{}}\n  SYS {{}}\n}}\n\
         authorization {{\n  timeout: 5\n  auth_callout {{ issuer: {issuer}, account: AUTH, auth_users: [ {callout} ] }}\n}}\n"
    );
    site.start_server_with(&config).await
}

/// The configuration of an inbox prefix that the permissions name.
const GATE: &str = "inbox-prefix = \"_INBOX_gate\"";

const PUBLISH: [&str; 5] = [
    "$SYS._INBOX.>",
    "$SYS.REQ.USER.INFO",
    "$SRV.INFO",
    "_INBOX_gate.>",
    "_INBOX.>",
];
const SUBSCRIBE: [&str; 4] = [
    "$SYS.REQ.USER.AUTH",
    "_INBOX_gate.>",
    "$SYS.ACCOUNT.CLIENT.AUTH.ERR",
    "$SRV.>",
];

fn permissions(publish: &[&str], subscribe: &[&str]) -> String {
    format!("publish: {publish:?}, subscribe: {subscribe:?}")
}

#[rstest]
#[tokio::test]
async fn the_documented_permissions_suffice(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = restricted(&site, &permissions(&PUBLISH, &SUBSCRIBE)).await?;
    let (mut host, address) = spawn(&site, &server.url(), GATE).await?;
    host.decides().await?;

    assert!(barely_log_in(server.port(), SENSOR_TOKEN).await?);
    assert_eq!(get(&address, "/readyz").await?.content, "ready\n");
    host.ask_to_stop().await?;
    assert_eq!(host.ended().await?, Some(0));
    for event in host.log().all() {
        assert!(
            !event.says("permission missing") && !event.says("nats server error"),
            "{event:?}"
        );
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn each_missing_permission_is_one_warning(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let allowed = permissions(
        &["$SYS.REQ.USER.INFO"],
        &["$SYS.REQ.USER.AUTH", "_INBOX_gate.>"],
    );
    let server = restricted(&site, &allowed).await?;
    let (host, address) = spawn(&site, &server.url(), GATE).await?;
    readyz_says(&address, "not-permitted: ").await?;
    host.says(Host::LEAVES).await?;

    let log = host.log().all();
    let mut missing: Vec<_> = log
        .iter()
        .filter(|event| event.says("permission missing"))
        .map(|event| event.text("permission.subject"))
        .collect();
    missing.sort_unstable();
    assert_eq!(
        missing,
        [
            "$SRV.>",
            "$SRV.INFO",
            "$SYS.ACCOUNT.CLIENT.AUTH.ERR",
            "$SYS._INBOX.>",
            "_INBOX.>",
            "_INBOX_gate.>"
        ]
    );
    let errors = log.iter().filter(|event| event.text("level") == "ERROR");
    assert_eq!(errors.count(), 0, "{log:#?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_that_may_not_answer_servers_takes_no_logins(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = restricted(&site, &permissions(&PUBLISH[1..], &SUBSCRIBE)).await?;
    let (host, address) = spawn(&site, &server.url(), GATE).await?;

    let beginning = "not-permitted: the host's user may not publish `$SYS._INBOX.>`";
    readyz_says(&address, beginning).await?;
    host.says(Host::LEAVES).await?;
    assert!(!barely_log_in(server.port(), SENSOR_TOKEN).await?);
    let page = get(&address, "/metrics").await?;
    for line in [
        "portcullis_requests_total 0",
        "portcullis_participating 0.0",
    ] {
        assert!(page.content.lines().any(|other| other == line), "{page:?}");
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_that_may_answer_what_it_receives_may_answer_servers(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let granted = permissions(&PUBLISH[1..], &SUBSCRIBE);
    let granted = format!("{granted}, allow_responses: true");
    let server = restricted(&site, &granted).await?;
    let (host, address) = spawn(&site, &server.url(), GATE).await?;
    host.decides().await?;

    assert!(barely_log_in(server.port(), SENSOR_TOKEN).await?);
    assert_eq!(get(&address, "/readyz").await?.content, "ready\n");
    Ok(())
}

/// Such a host cannot know that no other one takes part.
#[tokio::test]
async fn a_host_that_cannot_decide_or_ask_leaves_logins_to_others() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let publish = ["$SYS._INBOX.>", "$SYS.REQ.USER.INFO", "_INBOX.>"];
    let subscribe = [
        "$SYS.REQ.USER.AUTH",
        "_INBOX.>",
        "$SYS.ACCOUNT.CLIENT.AUTH.ERR",
        "$SRV.>",
    ];
    let server = restricted(&site, &permissions(&publish, &subscribe)).await?;
    let stage = Stage { site, server };
    let _first = stage.site.start_host(&stage.server).await?;
    let (second, _policies) = stage.second_host("", "")?;

    let left = second.says(Host::CANNOT_FIND_OTHERS).await?;
    assert!(left.text("error").contains("`$SRV.INFO`"), "{left:?}");
    assert_eq!(stage.refused(20).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_host_that_may_only_receive_logins_says_what_it_lacks() -> Result<()> {
    let site = sensor_site(Release::Nats2_15).await?;
    let server = restricted(&site, &permissions(&["nothing"], &["$SYS.REQ.USER.AUTH"])).await?;
    let (host, address) = spawn(&site, &server.url(), GATE).await?;

    readyz_says(&address, "unconfirmed: ").await?;
    host.says(Host::DECIDES_ALONE).await?;
    let log = host.log().all();
    let mut errors: Vec<_> = log
        .iter()
        .filter(|event| event.text("level") == "ERROR")
        .map(|event| event.text("error"))
        .collect();
    let number = errors.len();
    errors.sort_unstable();
    errors.dedup();
    assert_eq!(errors.len(), number, "each is said once: {log:#?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_that_has_just_lost_its_server_ends_at_once(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site
        .host_config(&server.url(), "")
        .replace("[callout]\n", "[callout]\ndrain-timeout = \"50s\"\n");
    let mut host = site.spawn_host_with(&config)?;
    host.decides().await?;
    let (server, id) = (server.id()?, host.id()?);

    let both = format!("kill -KILL {server}; kill -TERM {id}");
    let killed = std::process::Command::new("sh")
        .args(["-c", &both])
        .status()?;
    ensure!(killed.success(), "cannot kill both");
    let begun = std::time::Instant::now();

    assert_eq!(host.ended().await?, Some(0));
    let took = begun.elapsed();
    assert!(took.as_secs() < 25, "ended after {took:?}");
    let log = host.log().all();
    let draining = log
        .iter()
        .position(|event| event.says("draining"))
        .context("the host did not drain")?;
    let loaded = |event: &&portcullis_harness::Event| event.says("policies published");
    assert_eq!(log[draining..].iter().filter(loaded).count(), 0);
    Ok(())
}
