//! Decision records: their content, their outcomes, and sinks that fail.

mod live;
mod own_stream;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::HeaderValue;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, stream};
use futures::StreamExt;
use portcullis_harness::{
    Accounts, Answer, Collector, CollectorMode, Credentials, Event, Host, NatsServer, Release,
    Site, Wire, attribute, is_refused, log_in, run_portcullis, until_read,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::health::metric;
use crate::support::{
    ALICE, ALICE_PASSWORD, POLICY, SENSOR, SENSOR_TOKEN, alice, sensor, settings, site_with,
    static_users,
};

/// The time after which a record counts as missing: far longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

const SUBJECT: &str = "portcullis.decisions";

/// The tables of a configuration that write records to a file of the site.
pub(crate) const FILE: &str = "[records.file]\npath = \"records/decisions.jsonl\"\n";

/// A site with alice and a sensor, and a server that waits a second for the host's answer.
async fn site(release: Release) -> Result<(Site, NatsServer)> {
    let settings = settings(&[alice("").await?, sensor("everything", "").await?]);
    let site = site_with(release, &settings)?;
    let server = site.start_server_waiting(Accounts::Buckets, "1").await?;
    Ok((site, server))
}

/// Returns a connection of a user in the host's account.
async fn observer(server: &NatsServer) -> Result<async_nats::Client> {
    let (user, password) = Site::OBSERVER;
    Ok(log_in(
        &server.url(),
        Credentials::Password(user, password),
        "observer",
    )
    .await?)
}

/// Starts a host with these tables. Returns it with the path of its configuration.
fn spawn(site: &Site, server: &NatsServer, tables: &str) -> Result<(Host, String)> {
    let text = site.host_config(&server.url(), tables);
    let config = site.write_config("portcullis.toml", &text)?;
    let host = Host::spawn(&config, &[])?;
    Ok((host, config.display().to_string()))
}

/// Waits until the file has this number of records, and returns them.
async fn records(site: &Site, number: usize) -> Result<Vec<Value>> {
    let path = site.path().join("records/decisions.jsonl");
    let read = || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.is_empty());
        // The host may be writing the last line.
        let records: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
        records.ok().filter(|records| records.len() >= number)
    };
    until_read(site.path(), &format!("{number} records"), read).await
}

/// Waits for the record of the login with this user nkey.
pub(crate) async fn record_of(site: &Site, user_nkey: &str) -> Result<Value> {
    let mut number = 1;
    loop {
        let records = records(site, number).await?;
        let mut all = records.iter();
        if let Some(record) = all.find(|it| it.pointer("/user-nkey") == Some(&json!(user_nkey))) {
            return Ok(record.clone());
        }
        number = records.len().saturating_add(1);
    }
}

/// Returns whether an event says that this place has lost records.
fn is_loss_of(place: &'static str) -> impl Fn(&Event) -> bool {
    let words = "decision records lost: a sink is full or fails";
    move |event| event.says(words) && event.text("records.sink") == place
}

/// Returns the record of the client with this name.
fn of<'a>(records: &'a [Value], name: &str) -> Result<&'a Value> {
    let mut all = records.iter();
    all.find(|record| record.pointer("/login/client/name") == Some(&json!(name)))
        .with_context(|| format!("`{name}` has no record in {records:?}"))
}

#[rstest]
#[tokio::test]
async fn a_file_and_a_stream_have_a_record_of_each_login_without_its_secrets(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let (site, server) = site(release).await?;
    let observer = observer(&server).await?;
    let jetstream = jetstream::with_domain(observer.clone(), "hub");
    let stream = jetstream
        .create_stream(stream::Config {
            name: "DECISIONS".to_owned(),
            subjects: vec![SUBJECT.to_owned()],
            ..stream::Config::default()
        })
        .await?;
    let tables =
        format!("[records]\nfacts = \"all\"\n{FILE}[records.stream]\nsubject = \"{SUBJECT}\"\n");
    let (host, _) = spawn(&site, &server, &tables)?;
    host.decides().await?;
    host.says("decision records go to a stream").await?;

    let guess = Credentials::Password("alice", "a-wrong-guess");
    let desk = log_in(&server.url(), ALICE, "desk").await?;
    let roof = log_in(&server.url(), SENSOR, "roof").await?;
    assert!(is_refused(&log_in(&server.url(), guess, "guess").await));

    let records = records(&site, 3).await?;
    let admitted = of(&records, "desk")?;
    let decision = host.decision("desk").await?;
    for (pointer, expected) in [
        ("/outcome", json!("admitted")),
        ("/verdict", json!("permit")),
        ("/login/identity/principal", json!("alice")),
        ("/login/identity/method", json!("password")),
        ("/login/client/host", json!("127.0.0.1")),
        ("/login/server/name", json!("portcullis-tests")),
        ("/policy/name", json!(POLICY)),
        ("/policy/digest", json!(decision.text("policy.digest"))),
        ("/policy/version", json!(decision.text("policy.version"))),
        ("/policies/0/answer", json!("permit")),
        ("/user-nkey", json!(decision.text("user_nkey"))),
        ("/access/account", json!("APP")),
        (
            "/access/publish/allow",
            json!(["alice.>", "$SYS.REQ.USER.INFO"]),
        ),
        ("/access/publish/deny", json!(["alice.sealed"])),
        ("/reply", json!("sent")),
    ] {
        assert_eq!(admitted.pointer(pointer), Some(&expected), "{pointer}");
    }
    let asked = admitted["policies"][0]["asked"].to_string();
    assert!(asked.contains("identity.password-matches"), "{asked}");
    let denied = of(&records, "guess")?;
    assert_eq!(denied["outcome"], "denied");
    assert_eq!(denied["class"], "policy-denied");
    assert_eq!(denied.get("access"), None);

    // The stream has the same records.
    // Each sink has a thread of its own, so the last one may still be on its way.
    let ordered = pull::OrderedConfig::default();
    let mut published = stream.create_consumer(ordered).await?.messages().await?;
    for _ in 1..=3 {
        let next = timeout(PATIENCE, published.next()).await?;
        let message = next.context("the stream ended")??;
        let record: Value = serde_json::from_slice(&message.payload)?;
        assert!(records.contains(&record), "{record}");
        let headers = message.headers.as_ref().context("no headers")?;
        let id = headers.get("Nats-Msg-Id").map(HeaderValue::as_str);
        assert_eq!(id, record["id"].as_str());
    }
    let info = stream.get_info().await?;
    assert_eq!(info.state.messages, 3);

    let hash = settings_hash(&site)?;
    let [issuer, callout] = site.keys.seeds()?;
    let secrets = [
        ALICE_PASSWORD,
        SENSOR_TOKEN,
        "a-wrong-guess",
        "eyJ",
        &hash,
        &issuer,
        &callout,
    ];
    for secret in secrets {
        ensure!(!secret.is_empty());
        for record in &records {
            assert!(
                !record.to_string().contains(secret),
                "`{secret}` is in {record}"
            );
        }
    }
    drop((desk, roof));
    Ok(())
}

/// Returns the password hash in the settings of the policy.
fn settings_hash(site: &Site) -> Result<String> {
    let file = site.path().join(format!("policies/{POLICY}.toml"));
    let text = fs::read_to_string(file)?;
    let hash = text.split('"').find(|word| word.starts_with("$argon2"));
    Ok(hash.unwrap_or_default().to_owned())
}

/// Runs the commands of the reference with the configuration at the path `config`, in place of `ID`
/// with the record `id`, and returns their outputs.
async fn answers_of_the_reference(config: &str, id: &str) -> Result<Vec<String>> {
    let page = include_str!("../../docs/reference/decision-records.md");
    let (_, table) = page
        .split_once("## Questions of an audit")
        .context("no questions")?;
    let lines = table.lines().filter(|line| line.starts_with("| "));
    let commands = lines.filter_map(|line| line.split('`').nth(1));
    let mut outputs = Vec::new();
    for command in commands.filter(|command| command.starts_with("portcullis decisions ")) {
        if command.contains(" follow ") {
            continue;
        }
        // The times of the page are those of an example, and the clients of this test are local.
        let command = command
            .replace("10.1.0.0/16", "127.0.0.1")
            .replace("2026-11-29T03:12:00Z", "2020-01-01T00:00:00Z")
            .replace("2026-11-29T03:13:00Z", "2100-01-01T00:00:00Z")
            .replace("--policy users", "--policy static-users")
            .replace("portcullis.toml", config)
            .replace(" ID ", &format!(" {id} "));
        let arguments: Vec<_> = command.split(' ').skip(1).collect();
        let done = run_portcullis(&arguments, "").await?;
        assert_eq!(done.code, Some(0), "{command}: {done:?}");
        outputs.push(done.stdout);
    }
    Ok(outputs)
}

/// Returns the first two cells of a row of `decisions count`. Empty if the table ends before it.
fn counted(table: &str, row: usize) -> String {
    let line = table.lines().nth(row).unwrap_or_default();
    line.split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn the_commands_of_the_reference_answer_the_questions_of_an_audit() -> Result<()> {
    let (site, server) = site(Release::Nats2_15).await?;
    let (host, config) = spawn(
        &site,
        &server,
        &format!("{FILE}[records.stream]\nsubject = \"{SUBJECT}\"\n"),
    )?;
    host.decides().await?;
    let observer = observer(&server).await?;
    let mut live = observer.subscribe(SUBJECT).await?;
    observer.flush().await?;
    let desk = log_in(&server.url(), ALICE, "desk").await?;
    let bob = Credentials::Password("bob", "wrong");
    assert!(is_refused(&log_in(&server.url(), bob, "other").await));
    let records = records(&site, 2).await?;
    let id = of(&records, "desk")?["id"].as_str().unwrap_or_default();
    // Without a stream, each record is still published for those who follow the subject.
    let message = timeout(PATIENCE, live.next()).await?.context("closed")?;
    ensure!(!message.payload.is_empty());

    let outputs = answers_of_the_reference(&config, id).await?;
    let (lists, counts) = outputs.split_at(5);
    let [who, why, version, may, show] = lists else {
        anyhow::bail!("{outputs:?}");
    };
    let [account, shared, classes, old, versions, network] = counts else {
        anyhow::bail!("{outputs:?}");
    };
    assert!(
        who.contains("alice") && who.contains("publish: `alice.>`"),
        "{who}"
    );
    assert!(!who.contains("bob"), "{who}");
    assert!(
        why.contains("bob") && why.contains("end-of-chain: "),
        "{why}"
    );
    let digest = host
        .decision("desk")
        .await?
        .text("policy.version")
        .to_owned();
    let short = digest.trim_start_matches("sha256:").get(..12);
    let short = short.unwrap_or("none");
    assert!(version.contains(short), "{version}");
    assert!(may.contains("apart from `alice.sealed`"), "{may}");
    assert!(show.contains("asked: identity."), "{show}");
    assert!(show.contains(&digest), "{show}");

    assert_eq!(counted(account, 1), "alice 1", "{account}");
    assert_eq!(counted(account, 2), "", "{account}");
    assert_eq!(counted(shared, 1), "", "alice has one address: {shared}");
    assert_eq!(counted(classes, 1), "end-of-chain 1", "{classes}");
    assert_eq!(counted(old, 1), "", "another version: {old}");
    assert_eq!(counted(versions, 1), format!("{short} 1"), "{versions}");
    assert_eq!(counted(network, 1), "alice 1", "{network}");

    // The record becomes a test, apart from its password.
    let pinned = run_portcullis(&["decisions", "pin", id, "--config", &config], "").await?;
    assert_eq!(pinned.code, Some(0), "{pinned:?}");
    assert!(
        pinned.stderr.contains("no record has a password"),
        "{pinned:?}"
    );
    let tests = pinned.stdout.replace("portcullis-recorded", ALICE_PASSWORD);
    let file = site.path().join(format!("policies/{POLICY}.tests.toml"));
    fs::write(file, tests)?;
    let tested = run_portcullis(&["policy", "test", POLICY, "--config", &config], "").await?;
    assert_eq!(tested.code, Some(0), "{tested:?}");

    // A comparison of two versions reads the file as it is.
    let file = site.path().join("records/decisions.jsonl");
    let text = fs::read_to_string(&file)?;
    assert_eq!(text.lines().filter(|line| !line.is_empty()).count(), 2);
    drop(desk);
    Ok(())
}

#[tokio::test]
async fn a_permit_that_the_server_rejects_is_not_recorded_as_admitted() -> Result<()> {
    let (site, server) = site(Release::Nats2_15).await?;
    let config = site.host_config(&server.url(), FILE);
    // The server does not have this account, which only the server can know.
    let config = config.replace(r#"["APP"]"#, r#"["NOWHERE"]"#);
    let settings = settings(&[alice("account = \"NOWHERE\"").await?]);
    site.policies
        .put_policy(POLICY, &static_users()?, &settings)?;
    let host = site.spawn_host_with(&config)?;
    host.decides().await?;

    assert!(is_refused(&log_in(&server.url(), ALICE, "desk").await));

    host.says("permit rejected by the server").await?;
    let records = records(&site, 1).await?;
    let record = of(&records, "desk")?;
    assert_eq!(record["outcome"], "rejected", "{record}");
    let reason = record["server-reason"].as_str().unwrap_or_default();
    assert!(reason.contains("NOWHERE"), "{record}");
    Ok(())
}

#[tokio::test]
async fn sinks_that_fail_delay_no_login_and_their_losses_are_counted() -> Result<()> {
    let (site, server) = site(Release::Nats2_15).await?;
    let tables = format!(
        "[health]\nlisten = \"127.0.0.1:0\"\n\
         [records]\nmax-pending = \"1KiB\"\n\
         [records.stream]\nsubject = \"{SUBJECT}\"\n"
    );
    let (host, _) = spawn(&site, &server, &tables)?;
    let listening = host.says("health served").await?;
    let health = listening.text("health.address").to_owned();
    host.decides().await?;
    host.says("decision records not written").await?;

    // There is room for one record, which waits for its server, and no stream takes it.
    let presented = json!({ "auth_token": SENSOR_TOKEN });
    for _ in 0..10 {
        let mut wire = Wire::open(server.port()).await?;
        assert_eq!(wire.log_in(&presented).await?, Answer::Admitted);
    }
    let lost = "portcullis_decision_records_lost_total{sink=\"queue\"}";
    assert!(metric(&health, lost).await? >= 5);
    // The line about losses comes also while no record finds room.
    host.wait_for("a line about losses", is_loss_of("queue"))
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_collector_gets_the_records_and_delays_no_login_when_it_hangs() -> Result<()> {
    let (site, server) = site(Release::Nats2_15).await?;
    let collector = Collector::start().await?;
    fs::write(site.path().join("collector.key"), "an-api-key")?;
    let tables = format!(
        "[health]\nlisten = \"127.0.0.1:0\"\n{FILE}\
         [records.otlp]\nurl = \"{}\"\nmax-queued = 1\n\
         [records.otlp.headers.x-api-key]\nvalue-file = \"collector.key\"\n",
        collector.url()
    );
    let (host, _) = spawn(&site, &server, &tables)?;
    let listening = host.says("health served").await?;
    let health = listening.text("health.address").to_owned();
    host.decides().await?;
    let desk = log_in(&server.url(), ALICE, "desk").await?;
    let guess = Credentials::Password("alice", "a-wrong-guess");
    assert!(is_refused(&log_in(&server.url(), guess, "guess").await));

    let logs = collector.logs(2).await?;
    let named = |name: &str| {
        let mut logs = logs.iter();
        let log =
            logs.find(|log| attribute(&log.attributes, "client.name").as_deref() == Some(name));
        log.with_context(|| format!("`{name}` has no log record in {logs:?}"))
    };
    let admitted = named("desk")?;
    for (key, expected) in [
        ("outcome", "admitted"),
        ("decision", "permit"),
        ("account", "APP"),
        ("policy.name", POLICY),
        ("identity.principal", "alice"),
        ("client.method", "password"),
        ("server.name", "portcullis-tests"),
    ] {
        let found = attribute(&admitted.attributes, key);
        assert_eq!(found.as_deref(), Some(expected), "{key}");
    }
    let denied = attribute(&named("guess")?.attributes, "denial.class");
    assert_eq!(denied.as_deref(), Some("policy-denied"));
    let requests = collector.requests(|requests| !requests.is_empty()).await?;
    for request in requests {
        let key = request.headers.get("x-api-key").map(String::as_str);
        assert_eq!(key, Some("an-api-key"));
        let body = String::from_utf8_lossy(&request.body).into_owned();
        for secret in [ALICE_PASSWORD, "a-wrong-guess", "eyJ", "an-api-key"] {
            assert!(!body.contains(secret), "`{secret}` is in a request");
        }
    }

    // One record is on its way for ever, one waits, and the others are lost.
    collector.set_mode(CollectorMode::Hangs);
    let presented = json!({ "auth_token": SENSOR_TOKEN });
    for _ in 0..6 {
        let mut wire = Wire::open(server.port()).await?;
        assert_eq!(wire.log_in(&presented).await?, Answer::Admitted);
    }
    records(&site, 8).await?;
    let lost = "portcullis_decision_records_lost_total{sink=\"otlp\"}";
    assert!(metric(&health, lost).await? >= 1);
    host.wait_for("a line about losses", is_loss_of("otlp"))
        .await?;
    drop(desk);
    Ok(())
}
