//! The recipe of `docs/guide/jetstream.md` for clients that are not trusted: an account of their
//! own, with narrow imports. The configuration is that of the page.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions};
use futures::StreamExt as _;
use portcullis_harness::{
    Accounts, ForeignClient, Login, PATIENCE, Release, Site, Step, plain_hashes,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::{POLICY, Serving, static_users};

/// Users that the recipe does not need: one for each side, who may do everything.
const UNLIMITED: &str = r#"
[settings.profiles.unlimited]
publish = { allow = [">"] }
subscribe = { allow = [">"] }
[settings.users.administrator]
password = "plain:password-of-administrator"
account = "APP"
profile = "unlimited"
[settings.users.hostile]
password = "plain:password-of-hostile"
account = "GUESTS"
profile = "unlimited"
"#;

/// The hash of the guide's user, and what the tests put in its place.
const PASSWORD: [&str; 2] = [
    "$argon2id$v=19$m=19456,t=2,p=1$3ogPxVpE4B6Bn2+qz+SYbw$UGfd+8DW4MWKx7xz1nft+sgSAnw6bqvepDyN1UVtr/Y",
    "plain:password-of-guest",
];

/// Returns the block of the guide that begins with `start`.
fn block(start: &str) -> Result<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/jetstream.md");
    let guide = fs::read_to_string(guide)?;
    let (_, rest) = guide
        .split_once(&format!("```{start}"))
        .context("no such block")?;
    let (block, _) = rest.split_once("```").context("a block without end")?;
    Ok(format!(
        "{}{block}",
        start.split_once('\n').map_or("", |(_, text)| text)
    ))
}

struct Stage {
    serving: Serving,
    administrator: Client,
}

impl Stage {
    async fn start(release: Release) -> Result<Self> {
        let site = Site::create(release)?;
        let settings = block("toml\n[settings]\n\n[settings.profiles.guest")?.replacen(
            "[settings]\n",
            "[settings]\ndangerous-plain-text-passwords = true\n",
            1,
        );
        let [hash, plain] = PASSWORD;
        let settings = settings.replacen(hash, plain, 1);
        site.policies
            .put_policy(POLICY, &static_users()?, &format!("{settings}{UNLIMITED}"))?;
        let accounts = block("text\naccounts {\n")?;
        let accounts = accounts
            .strip_prefix("accounts {\n")
            .and_then(|text| text.trim_end().strip_suffix('}'))
            .context("the block is not that of accounts")?;
        let store = site.path().join("jetstream");
        let config = site
            .server_config(Accounts::Several, &site.keys.issuer.public_key())
            .replace("  APP {}\n", accounts);
        let config = format!(
            "{config}jetstream {{ store_dir: \"{}\" }}\n",
            store.display()
        );
        let server = site.start_server_with(&config).await?;
        let config = site
            .host_config(&server.url(), &plain_hashes(&[POLICY]))
            .replace(r#"["APP"]"#, r#"["APP", "GUESTS"]"#);
        let host = site.spawn_host_with(&config)?;
        host.ready().await?;
        let serving = Serving { site, server, host };
        let administrator = connect(&serving.url(), "administrator").await?;
        let stage = Self {
            serving,
            administrator,
        };
        for (name, subjects) in [("ORDERS", "orders.>"), ("SECRET", "secret.>")] {
            let config = json!({ "name": name, "subjects": [subjects], "storage": "memory" });
            stage.api(&format!("STREAM.CREATE.{name}"), config).await?;
        }
        let config = json!({ "durable_name": "worker", "ack_policy": "explicit", "ack_wait": 60_000_000_000_u64 });
        let consumer = json!({ "stream_name": "ORDERS", "config": config });
        stage
            .api("CONSUMER.DURABLE.CREATE.ORDERS.worker", consumer)
            .await?;
        for _ in 0..8 {
            stage
                .administrator
                .request("orders.new", "order".into())
                .await?;
        }
        Ok(stage)
    }

    async fn api(&self, call: &str, body: Value) -> Result<Value> {
        let subject = format!("$JS.API.{call}");
        let answer = self.administrator.request(subject, body.to_string().into());
        let answer: Value = serde_json::from_slice(&answer.await?.payload)?;
        ensure!(answer.get("error").is_none(), "{call}: {answer}");
        Ok(answer)
    }
}

async fn connect(url: &str, user: &str) -> Result<Client> {
    let password = format!("password-of-{user}");
    let options = ConnectOptions::with_user_and_password(user.to_owned(), password)
        .name(user)
        .custom_inbox_prefix(format!("_INBOX.{user}"));
    Ok(timeout(PATIENCE, options.connect(url)).await??)
}

#[rstest]
#[tokio::test]
async fn a_guest_does_what_its_account_imports(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    let login = Login::password("guest", "password-of-guest").inbox_prefix("_INBOX.guest");
    let consume =
        json!({ "do": "consume", "stream": "ORDERS", "consumer": "worker", "prefix": "app.API" });
    let store = json!({ "do": "store", "subject": "orders.new" });
    let steps = [
        Step::Act(&consume),
        Step::Act(&store),
        Step::Publish("orders.other"),
        Step::Publish("app.API.STREAM.DELETE.SECRET"),
    ];
    let session = client
        .run(&stage.serving.url(), login, "guest", &steps)
        .await?;
    assert_eq!(session.result(0, "got"), "orders.new", "{session:?}");
    assert_eq!(session.result(1, "got"), "ORDERS", "{session:?}");
    assert!(session.refused(2) && session.refused(3), "{session:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_hostile_client_of_another_account_reaches_no_stream(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    let hostile = connect(&stage.serving.url(), "hostile").await?;
    let mut inbox = hostile.subscribe("_INBOX.hostile.>").await?;
    let pull = "app.API.CONSUMER.MSG.NEXT.ORDERS.worker";
    for target in [
        "$JS.API.STREAM.DELETE.SECRET",
        "app.API.STREAM.DELETE.SECRET",
    ] {
        hostile.publish(target, "".into()).await?;
        for (subject, body) in [
            (pull, "{no JSON"),
            ("app.API.CONSUMER.INFO.ORDERS.worker", ""),
            ("orders.new", ""),
        ] {
            hostile
                .publish_with_reply(subject, target, body.into())
                .await?;
        }
        // A message, whose acknowledgement has an empty answer.
        hostile
            .publish_with_reply(pull, "_INBOX.hostile.next", "".into())
            .await?;
        let message = timeout(PATIENCE, inbox.next())
            .await?
            .context("no message")?;
        let acknowledgement = message.reply.context("no reply subject")?;
        hostile
            .publish_with_reply(acknowledgement, target, "+ACK".into())
            .await?;
    }
    // Requests are answered in order: the server has seen all pulls of the above.
    hostile
        .publish_with_reply(pull, "_INBOX.hostile.last", "".into())
        .await?;
    timeout(PATIENCE, inbox.next())
        .await?
        .context("no message")?;
    let acknowledged = async {
        let floor = |info: &Value| {
            info.pointer("/ack_floor/consumer_seq")
                .and_then(Value::as_u64)
        };
        loop {
            let info = stage.api("CONSUMER.INFO.ORDERS.worker", json!({})).await?;
            if floor(&info) == Some(2) {
                return anyhow::Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, acknowledged)
        .await
        .context("no acknowledgement counts")??;
    stage.api("STREAM.INFO.SECRET", json!({})).await?;
    Ok(())
}
