//! Records in the memory of hosts, and the users who may ask for them.

use std::fs;

use anyhow::{Context, Result, ensure};
use futures::{FutureExt, StreamExt};
use portcullis_harness::{
    Accounts, Credentials, Finished, Host, Made, NatsServer, PolicyDirectory, Release, Site,
    is_refused, log_in, run_portcullis,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{PATIENCE, observer};
use crate::support::{ALICE, ALICE_PASSWORD, POLICY, alice, settings, site_with, static_users};

const LIVE: &str = "[records.live]\nsubject = \"audit.records\"\n";

const GUESS: Credentials<'_> = Credentials::Password("alice", "a-wrong-guess");

/// Runs `decisions list` with these arguments until a line has each of `words`.
async fn listed(arguments: &[&str], words: &[&str]) -> Result<Finished> {
    let command = [&["decisions", "list"], arguments].concat();
    let listing = async {
        loop {
            let listed = run_portcullis(&command, "").await?;
            ensure!(listed.code == Some(0), "{listed:?}");
            if words.iter().all(|word| listed.stdout.contains(word)) {
                return Ok(listed);
            }
        }
    };
    timeout(PATIENCE, listing)
        .await
        .with_context(|| format!("{words:?} is not listed"))?
}

/// Two hosts that answer questions for the records in their memory.
struct Asked {
    server: NatsServer,
    hosts: [Host; 2],
    /// The path of the configuration of the first host.
    config: String,
    _site: Site,
}

impl Asked {
    async fn start() -> Result<Self> {
        let site = site_with(Release::Nats2_15, &settings(&[alice("").await?]))?;
        let server = site.start_server_waiting(Accounts::Several, "1").await?;
        let text = site.host_config(&server.url(), LIVE);
        let config = site.write_config("portcullis.toml", &text)?;
        let other = format!("state-directory = \"other\"\n{LIVE}");
        let other = site.host_config(&server.url(), &other);
        let other = site.write_config("other.toml", &other)?;
        let hosts = [Host::spawn(&config, &[])?, Host::spawn(&other, &[])?];
        for host in &hosts {
            host.decides().await?;
            host.says("questions for decision records are answered")
                .await?;
        }
        Ok(Self {
            server,
            hosts,
            config: config.display().to_string(),
            _site: site,
        })
    }
}

#[tokio::test]
async fn every_host_answers_with_the_records_in_its_memory() -> Result<()> {
    let Asked {
        server,
        hosts: _hosts,
        config,
        _site,
    } = Asked::start().await?;
    let desk = log_in(&server.url(), ALICE, "desk").await?;
    for name in ["one", "two", "three", "four", "five", "six"] {
        assert!(is_refused(&log_in(&server.url(), GUESS, name).await));
    }

    listed(&["--config", &config], &["admitted"]).await?;
    let refused = listed(
        &["--live", "--config", &config, "--refused", "--json"],
        &["one", "two", "three", "four", "five", "six"],
    )
    .await?;
    let records: Vec<Value> = refused
        .stdout
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(records.len(), 6, "{records:?}");
    for record in &records {
        assert_eq!(record["outcome"], "denied");
        for secret in [ALICE_PASSWORD, "a-wrong-guess"] {
            assert!(!record.to_string().contains(secret), "{record}");
        }
    }
    let id = records[0]["id"].as_str().context("no id")?;
    let shown = run_portcullis(&["decisions", "show", id, "--config", &config], "").await?;
    assert!(shown.stdout.contains("wrong password"), "{shown:?}");
    let counted = ["decisions", "count", "--by", "outcome", "--config", &config];
    let counted = run_portcullis(&counted, "").await?;
    let lines = counted.stdout.lines().map(str::split_whitespace);
    let mut lines = lines.map(|mut words| (words.next(), words.next()));
    assert!(
        lines.any(|line| line == (Some("denied"), Some("6"))),
        "{counted:?}"
    );
    drop(desk);
    Ok(())
}

#[tokio::test]
async fn tools_find_the_endpoint_and_hosts_answer_on_inboxes_only() -> Result<()> {
    let asked = Asked::start().await?;
    // The endpoint has no queue group, so that each host answers.
    let observer = observer(&asked.server).await?;
    let info = observer.request("$SRV.INFO", "".into()).await?;
    let info: Value = serde_json::from_slice(&info.payload)?;
    let expected = json!({ "name": "decisions", "subject": "audit.records" });
    assert_eq!(info["endpoints"][1], expected);

    // A host answers on inboxes only: a caller cannot have it publish elsewhere.
    let mut elsewhere = observer.subscribe("audit.spoofed").await?;
    let inbox = observer.new_inbox();
    let mut pages = observer.subscribe(inbox.clone()).await?;
    for reply in ["audit.spoofed", &inbox] {
        observer
            .publish_with_reply("audit.records", reply.to_owned(), "".into())
            .await?;
    }
    let mut starts = Vec::new();
    for _ in &asked.hosts {
        let page = timeout(PATIENCE, pages.next()).await?.context("no page")?;
        let page: Value = serde_json::from_slice(&page.payload)?;
        assert_eq!(page["format"], 1);
        starts.push(page["host"]["start"].to_string());
    }
    assert_ne!(starts[0], starts[1]);
    assert!(elsewhere.next().now_or_never().is_none());

    // A question that cannot be read has an answer, which says why.
    let answer = observer.request("audit.records", "{\"filtr\":{}}".into());
    let answer = answer.await?;
    let headers = answer.headers.context("no headers")?;
    let error = headers.get("Nats-Service-Error").context("no error")?;
    assert!(
        error.as_str().contains("unknown field `filtr`"),
        "{error:?}"
    );
    Ok(())
}

#[tokio::test]
async fn new_records_are_followed_without_a_stream() -> Result<()> {
    let site = site_with(Release::Nats2_15, &settings(&[alice("").await?]))?;
    let server = site.start_server(Accounts::Several).await?;
    let bounded = format!("{LIVE}max-records = 2\n");
    let config = site.host_config(&server.url(), &bounded);
    let config = site.write_config("portcullis.toml", &config)?;
    let host = Host::spawn(&config, &[])?;
    host.decides().await?;
    let past = log_in(&server.url(), GUESS, "past").await;
    assert!(is_refused(&past));
    let config = config.display().to_string();
    listed(&["--config", &config, "--json"], &["past"]).await?;

    let arguments = [
        "decisions",
        "follow",
        "--json",
        "--count",
        "3",
        "--config",
        &config,
    ];
    let following = run_portcullis(&arguments, "");
    tokio::pin!(following);
    let url = server.url();
    let followed = loop {
        let guess = log_in(&url, GUESS, "new");
        tokio::select! {
            followed = &mut following => break followed?,
            refused = guess => assert!(is_refused(&refused)),
        }
    };
    assert_eq!(followed.code, Some(0), "{followed:?}");
    assert_eq!(followed.stdout.lines().count(), 3, "{followed:?}");
    assert!(!followed.stdout.contains("past"), "{followed:?}");

    // The host keeps two records, and the command says that there were more.
    let left = listed(&["--config", &config, "--json"], &["new"]).await?;
    assert_eq!(left.stdout.lines().count(), 2, "{left:?}");
    let expected = "older records are no longer in the memory of the hosts";
    assert!(left.stderr.contains(expected), "{left:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn init_sets_up_an_auditor_who_may_read_records_and_nothing_else(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let home = tempfile::tempdir()?;
    let directory = home.path().to_string_lossy();
    let made = run_portcullis(&["init", &directory, "--auditor"], "").await?;
    ensure!(made.code == Some(0), "{made:?}");
    let server = NatsServer::start(release, &home.path().join("nats-server.conf")).await?;
    let policies = PolicyDirectory::create(home.path().join("policies"))?;
    policies.put_policy(POLICY, &static_users()?, &settings(&[alice("").await?]))?;
    let config = home.path().join("portcullis.toml");
    let written = fs::read_to_string(&config)?;
    let written = written
        .replace("nats://127.0.0.1:4222", &server.url())
        .replace("127.0.0.1:9222", "127.0.0.1:0");
    fs::write(&config, written)?;
    let host = Host::spawn(&config, &[])?;
    host.decides().await?;
    assert!(is_refused(&log_in(&server.url(), GUESS, "desk").await));

    let (url, seed) = (server.url(), home.path().join("keys/auditor.nk"));
    let seed = seed.display().to_string();
    let auditor = ["--live", "--server", &url, "--nkey-seed-file", &seed];
    listed(&auditor, &["policy-denied: wrong password"]).await?;
    let log = host.log().all();
    let says = |message| log.iter().any(|event| event.says(message));
    assert!(!says("permission missing"), "{log:#?}");
    assert!(!says("nats server error"), "{log:#?}");

    // The host's own user may not ask.
    let config = config.display().to_string();
    let refused = run_portcullis(&["decisions", "list", "--config", &config], "").await?;
    assert_eq!(refused.code, Some(69), "{refused:?}");
    for part in [
        "no host answers on `portcullis.records`",
        "`--nkey-seed-file`",
    ] {
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_auditor_reads_records_in_operator_mode() -> Result<()> {
    let made = Made::new(&["--auditor"]).await?;
    let server = made.start_server(Release::Nats2_15).await?;
    let config = made.point_at(&server)?;
    let policies = PolicyDirectory::create(made.path("policies"))?;
    policies.put_policy(POLICY, &static_users()?, &settings(&[alice("").await?]))?;
    let host = Host::spawn(&config, &[])?;
    host.decides().await?;
    assert!(is_refused(&log_in(&server.url(), GUESS, "desk").await));

    let (url, creds) = (server.url(), made.path("creds/auditor.creds"));
    let creds = creds.display().to_string();
    let auditor = ["--live", "--server", &url, "--creds", &creds];
    listed(&auditor, &["policy-denied: wrong password"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_told_with_a_way_out() -> Result<()> {
    let home = tempfile::tempdir()?;
    let other = home.path().join("nats-server.conf");
    fs::write(&other, "listen: 127.0.0.1\nport: 4222\n")?;
    let other = other.display().to_string();
    for (arguments, code, part) in [
        (
            ["list", "--file", &other],
            66,
            "none of 2 lines is a decision record",
        ),
        (
            ["list", "--file", "missing.jsonl"],
            66,
            "a host makes its file when it starts",
        ),
        (
            ["follow", "--subject", "a b"],
            64,
            "give a subject without blanks",
        ),
        (
            ["list", "--live", "--server=nats://127.0.0.1:1"],
            69,
            "`--server` names another server",
        ),
        (["list", "--since", "soon"], 64, "give a time such as"),
    ] {
        let command = [["decisions"].as_slice(), &arguments].concat();
        let failed = run_portcullis(&command, "").await?;
        assert_eq!(failed.code, Some(code), "{failed:?}");
        assert!(failed.stderr.contains(part), "{failed:?}");
    }
    Ok(())
}
