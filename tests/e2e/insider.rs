//! The access of a user of the callout account, in the setup that `portcullis init` writes, beyond
//! what the operator granted.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use async_nats::jetstream::{self, consumer, kv, stream};
use async_nats::{Client, ConnectOptions, HeaderMap, Subscriber};
use futures::StreamExt as _;
use nkeys::XKey;
use portcullis_harness::{
    Answer, Built, CALLOUT, Credentials, Event, Host, NatsServer, PATIENCE, PolicyDirectory,
    Release, RequestSigner, Wire, is_admitted, log_in, run_portcullis, set,
};
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

const BUCKET: &str = "revoked";
/// The password in every request of a login, and in the bucket.
const PASSWORD: &str = "swordfish-in-transit";
const REASON: &str = "left-in-may";
/// A user that the operator added to the callout account, without permissions of its own.
const INSIDER: (&str, &str) = ("insider", "insider-password");
/// A user that the operator added to the callout account, with all permissions.
const ADMIN: (&str, &str) = ("generous", "generous-password");

/// The output of `init` with two additional users in the callout account, and a server that runs
/// it. Its policy refuses the users in the bucket.
struct Stage {
    home: TempDir,
    server: NatsServer,
}

impl Stage {
    async fn start(release: Release) -> Result<Self> {
        Self::start_with(release, |server| server).await
    }

    /// Starts the stage with a further change by the operator in nats-server.conf.
    async fn start_with(release: Release, change: impl FnOnce(String) -> String) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let directory = home.path().to_string_lossy().into_owned();
        let made = run_portcullis(&["init", &directory, "--key-value", BUCKET], "").await?;
        ensure!(made.code == Some(0), "{made:?}");
        let file = home.path().join("nats-server.conf");
        let written = fs::read_to_string(&file)?;
        let (insider, password) = INSIDER;
        let (admin, admin_password) = ADMIN;
        let added = format!(
            "users: [\n{{ user: {insider}, password: {password} }}\n\
             {{ user: {admin}, password: {admin_password}, permissions: {{ publish: \">\", subscribe: \">\" }} }}\n"
        );
        let config = written.replacen("users: [\n", &added, 1);
        let asked = format!("auth_users: [ {insider}, {admin}, ");
        let config = config.replacen("auth_users: [ ", &asked, 1);
        fs::write(&file, change(config))?;
        let server = NatsServer::start(release, &file).await?;

        let stage = Self { home, server };
        let context = jetstream::new(stage.key_user("bucket-admin", "_INBOX").await?);
        let bucket = kv::Config {
            bucket: BUCKET.to_owned(),
            ..kv::Config::default()
        };
        context.create_key_value(bucket).await?;
        let context = jetstream::new(stage.key_user("keeper", "_INBOX_KEEPER").await?);
        let bucket = context.get_key_value(BUCKET).await?;
        bucket.put("mallory", REASON.into()).await?;
        Ok(stage)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Logs in with a seed that `init` wrote.
    async fn key_user(&self, seed: &str, inbox_prefix: &str) -> Result<Client> {
        let seed = fs::read_to_string(self.file(&format!("keys/{seed}.nk")))?;
        let options = ConnectOptions::with_nkey(seed.trim().to_owned());
        let options = options.custom_inbox_prefix(inbox_prefix);
        Ok(options.connect(self.server.url()).await?)
    }

    async fn start_host(&self) -> Result<Host> {
        let config = self.file("portcullis.toml");
        let written = fs::read_to_string(&config)?;
        let written = written
            .replace("nats://127.0.0.1:4222", &self.server.url())
            .replace("127.0.0.1:9222", "127.0.0.1:0");
        let grant = format!("[policies.grants.revocations]\nkey-value = [\"{BUCKET}\"]\n");
        fs::write(&config, format!("{written}\n{grant}"))?;
        let policies = PolicyDirectory::create(self.file("policies"))?;
        let settings = format!("[settings]\nbucket = \"{BUCKET}\"\n");
        policies.put_policy("revocations", &Built::guest("looks_up")?, &settings)?;
        let host = Host::spawn(&config, &[])?;
        host.ready().await?;
        Ok(host)
    }

    async fn is_admitted(&self, user: &str) -> Result<bool> {
        is_admitted(self.server.port(), user, PASSWORD, user).await
    }

    /// Logs in as the user of the callout account with all permissions there.
    async fn admin(&self) -> Result<Client> {
        let (user, password) = ADMIN;
        let credentials = Credentials::Password(user, password);
        Ok(log_in(&self.server.url(), credentials, "generous").await?)
    }

    /// Logs in over the plain protocol.
    async fn wire(&self, fields: &serde_json::Value) -> Result<Wire> {
        let mut wire = Wire::open(self.server.port()).await?;
        ensure!(wire.log_in(fields).await? == Answer::Admitted);
        Ok(wire)
    }

    async fn insider(&self) -> Result<Wire> {
        let (user, pass) = INSIDER;
        self.wire(&json!({ "user": user, "pass": pass })).await
    }
}

/// Sends `commands`, and returns all lines that the server has sent once it has processed them.
async fn heard(wire: &mut Wire, commands: &[&str]) -> Result<Vec<String>> {
    for command in commands {
        wire.say(&format!("{command}\r\n")).await?;
    }
    wire.say("PING\r\n").await?;
    let mut lines = Vec::new();
    loop {
        match wire.line().await?.context("the connection has ended")? {
            line if line == "PONG" => return Ok(lines),
            // The server may send these lines at any time.
            line if line == "+OK" || line == "PING" || line.starts_with("INFO ") => {}
            line => lines.push(line),
        }
    }
}

/// Returns all messages that arrive before one that is published now.
async fn heard_so_far(client: &Client, all: &mut Subscriber) -> Result<Vec<async_nats::Message>> {
    client.publish("marker.last", "".into()).await?;
    let mut messages = Vec::new();
    loop {
        let message = all.next().await.context("the subscription has ended")?;
        if message.subject.as_str() == "marker.last" {
            return Ok(messages);
        }
        messages.push(message);
    }
}

fn contains(message: &async_nats::Message, text: &str) -> bool {
    let found = message
        .payload
        .windows(text.len())
        .any(|window| window == text.as_bytes());
    found || message.subject.contains(text)
}

#[rstest]
#[tokio::test]
async fn a_user_without_permissions_hears_nothing_and_answers_nothing(
    #[values(Release::Nats2_10, Release::Newest)] release: Release,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    let mut insider = stage.insider().await?;
    let subjects = [
        CALLOUT,
        "$SYS.REQ.USER.AUTH q",
        "$SYS._INBOX.>",
        "_INBOX.>",
        "$SRV.>",
        "$SYS.ACCOUNT.CLIENT.AUTH.ERR",
        ">",
    ];
    let subscribe: Vec<_> = subjects
        .iter()
        .enumerate()
        .map(|(number, subject)| format!("SUB {subject} {number}"))
        .collect();
    let subscribe: Vec<_> = subscribe.iter().map(String::as_str).collect();
    let refused = heard(&mut insider, &subscribe).await?;
    assert_eq!(refused.len(), subjects.len(), "{refused:?}");
    let _host = stage.start_host().await?;

    for _ in 0..3 {
        assert!(stage.is_admitted("alice").await?);
        assert!(!stage.is_admitted("mallory").await?);
        let publish = [
            "PUB $SYS._INBOX.x 0\r\n",
            "PUB $SYS.REQ.USER.AUTH mine 0\r\n",
            "PUB $JS.API.INFO mine 0\r\n",
            "PUB $SYS.REQ.USER.INFO mine 0\r\n",
        ];
        let heard = heard(&mut insider, &publish).await?;
        let is_refusal = |line: &String| line.starts_with("-ERR 'Permissions Violation");
        assert!(heard.iter().all(is_refusal), "{heard:?}");
        assert_eq!(heard.len(), publish.len(), "{heard:?}");
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_user_who_may_do_everything_reads_no_password_and_no_bucket(
    #[values(Release::Nats2_10, Release::Newest)] release: Release,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    let admin = stage.admin().await?;
    let mut all = admin.subscribe(">").await?;
    admin.flush().await?;
    // Subscribed before the host reads the bucket.
    let host = stage.start_host().await?;
    assert!(stage.is_admitted("alice").await?);
    host.decision("alice").await?;

    let messages = heard_so_far(&admin, &mut all).await?;
    for message in &messages {
        for secret in [PASSWORD, REASON, "$KV.", "eyJ"] {
            assert!(!contains(message, secret), "{secret}: {message:?}");
        }
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_user_who_may_do_everything_does_not_change_revocations(
    #[values(Release::Nats2_10, Release::Newest)] release: Release,
) -> Result<()> {
    // The operator has also enabled JetStream in the callout account.
    let with_streams = |config: String| config.replace("AUTH {\n", "AUTH {\n jetstream: enabled\n");
    let stage = Stage::start_with(release, with_streams).await?;
    let host = stage.start_host().await?;
    assert!(!stage.is_admitted("mallory").await?);
    let mark = host.log().len();

    let context = jetstream::new(stage.admin().await?);
    let bucket = kv::Config {
        bucket: BUCKET.to_owned(),
        ..kv::Config::default()
    };
    let bucket = context.create_key_value(bucket).await?;
    bucket.put("alice", "forged".into()).await?;
    bucket.delete("mallory").await?;
    assert!(stage.is_admitted("alice").await?);
    assert!(!stage.is_admitted("mallory").await?);
    let events = host.log().all();
    let mut after = events.iter().skip(mark);
    assert!(
        after.all(|event| !event.line().contains("key-value bucket")),
        "the mirror heard nothing of it"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_keeper_of_a_bucket_fills_it_and_does_nothing_else(
    #[values(Release::Nats2_10, Release::Newest)] release: Release,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    let host = stage.start_host().await?;
    let keeper = stage.key_user("keeper", "_INBOX_KEEPER").await?;
    let context = jetstream::new(keeper);
    let bucket = context.get_key_value(BUCKET).await?;
    bucket.put("bob", REASON.into()).await?;
    let comes_to = async |user: &str, is_admitted: bool| -> Result<()> {
        while stage.is_admitted(user).await? != is_admitted {}
        Ok(())
    };
    tokio::time::timeout(PATIENCE, comes_to("bob", false)).await??;
    bucket.delete("mallory").await?;
    tokio::time::timeout(PATIENCE, comes_to("mallory", true)).await??;

    let seed = fs::read_to_string(stage.file("keys/keeper.nk"))?;
    let options = ConnectOptions::with_nkey(seed.trim().to_owned());
    let (refusals, mut refused) = tokio::sync::mpsc::unbounded_channel();
    let options = options.event_callback(move |event| {
        let refusals = refusals.clone();
        async move {
            // The receiver is gone if the test has ended.
            let _ = refusals.send(event.to_string());
        }
    });
    let client = options.connect(stage.server.url()).await?;
    for subject in [
        "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.STREAM.PURGE.KV_revoked",
        "$JS.API.CONSUMER.CREATE.KV_revoked.mine.>",
        "$JS.API.DIRECT.GET.KV_revoked.$KV.revoked.bob",
        "$JS.API.STREAM.MSG.GET.KV_revoked",
    ] {
        client.publish(subject, "{}".into()).await?;
        client.flush().await?;
        let expected = format!("Publish to \"{subject}\"");
        let says = async {
            while let Some(said) = refused.recv().await {
                if said.to_lowercase().contains(&expected.to_lowercase()) {
                    return Ok(());
                }
            }
            anyhow::bail!("no word of `{subject}`")
        };
        tokio::time::timeout(PATIENCE, says).await??;
    }
    drop(host);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_request_that_a_stream_delivers_is_not_answered(
    #[values(Release::Nats2_10, Release::Newest)] release: Release,
) -> Result<()> {
    // The operator has also enabled JetStream in the callout account.
    let with_streams = |config: String| config.replace("AUTH {\n", "AUTH {\n jetstream: enabled\n");
    let stage = Stage::start_with(release, with_streams).await?;
    let host = stage.start_host().await?;
    let mark = host.log().len();
    let admin = stage.admin().await?;
    let context = jetstream::new(admin.clone());
    let mine = stream::Config {
        name: "MINE".to_owned(),
        subjects: vec!["mine.>".to_owned()],
        ..Default::default()
    };
    let mine = context.create_stream(mine).await?;
    let aimed_at_the_host = consumer::push::Config {
        durable_name: Some("mine".to_owned()),
        deliver_subject: CALLOUT.to_owned(),
        deliver_group: Some("q".to_owned()),
        max_deliver: 1,
        ..Default::default()
    };
    mine.create_consumer(aimed_at_the_host).await?;
    let mut all = admin.subscribe(">").await?;

    // A request as a server with self-made keys would send.
    let server = fs::read_to_string(stage.file("nats-server.conf"))?;
    let public = |key: &str| {
        let (_, rest) = server.split_once(&format!("{key}: \""))?;
        rest.split('"').next()
    };
    let signer = RequestSigner::new(public("issuer").context("no issuer")?);
    let curve = XKey::new();
    let mut claims = signer.claims("");
    let connect = json!({ "user": "alice", "pass": PASSWORD, "protocol": 1 });
    set(&mut claims, "/nats/connect_opts", connect)?;
    let server_id = claims.pointer_mut("/nats/server_id").context("no server")?;
    if let Some(server_id) = server_id.as_object_mut() {
        server_id.insert("xkey".to_owned(), curve.public_key().into());
    }
    let token = signer.sign(&claims)?;
    let host_key = XKey::from_public_key(public("xkey").context("no xkey")?)?;
    let sealed = curve.seal(token.as_bytes(), &host_key)?;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Server-Xkey", curve.public_key().as_str());
    let stored = context.publish_with_headers("mine.x", headers, sealed.into());
    stored.await?.await?;

    let refused = |event: &Event| event.says("request refused");
    let refused = host.wait_from(mark, "a refusal", refused).await?;
    assert_eq!(refused.text("refusal.reason"), "foreign", "{refused:?}");
    let messages = heard_so_far(&admin, &mut all).await?;
    for message in &messages {
        let is_answer = message.subject.starts_with("$JS.ACK.") && !message.payload.is_empty();
        assert!(!is_answer, "{message:?}");
    }
    let events = host.log().all();
    let mut after = events.iter().skip(mark);
    assert!(
        after.all(|event| !event.says("authorization decided")),
        "the request was decided"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn the_callout_account_has_no_streams_to_ask_the_host_with(
    #[values(Release::Nats2_10, Release::Newest)] release: Release,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    let context = jetstream::new(stage.admin().await?);
    let mine = stream::Config {
        name: "MINE".to_owned(),
        subjects: vec!["mine.>".to_owned()],
        ..Default::default()
    };
    assert!(context.create_stream(mine).await.is_err());
    Ok(())
}
