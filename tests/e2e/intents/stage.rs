//! A server with streams, buckets and a store, and one user for each case.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions};
use futures::StreamExt as _;
use portcullis_harness::{Accounts, Login, PATIENCE, Release, plain_hashes};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::cases::CASES;
use crate::support::{POLICY, Serving, site_with};

/// A user that may do everything, for what an administrator does.
pub(super) const ADMINISTRATOR: &str = "administrator";

/// The time between two markers.
const INTERVAL: Duration = Duration::from_millis(50);

/// A subject that only a literal subscriber of the administrator uses.
pub(super) const LIVE: &str = "svc.live";

/// The running server and host.
pub(super) struct Stage {
    serving: Serving,
    pub(super) administrator: Client,
}

/// Returns the password of a user, long enough for the search of secrets in logs.
pub(super) fn password(user: &str) -> String {
    format!("password-of-{user}")
}

/// Returns settings with a profile and a user for each case.
fn settings() -> Result<String> {
    let mut text =
        "[settings]\ndefault-account = \"APP\"\ndangerous-plain-text-passwords = true\n".to_owned();
    let everything = "publish = { allow = [\">\"] }\nsubscribe = { allow = [\">\"] }\n";
    let profiles = CASES.iter().map(|case| (case.name, case.profile));
    for (name, profile) in profiles.chain([(ADMINISTRATOR, everything)]) {
        let password = password(name);
        write!(
            text,
            "[settings.profiles.{name}]\n{profile}\n\
             [settings.users.{name}]\npassword = \"plain:{password}\"\nprofile = \"{name}\"\n",
        )?;
    }
    Ok(text)
}

impl Stage {
    /// Starts a server whose account `APP` has `JetStream`, and a host that decides by intents.
    pub(super) async fn start(release: Release) -> Result<Self> {
        Self::start_with(release, "", "").await
    }

    /// Starts a stage whose server has the options `jetstream` in that block, each after a comma.
    /// `extra` is the end of its configuration.
    pub(super) async fn start_with(release: Release, jetstream: &str, extra: &str) -> Result<Self> {
        let site = site_with(release, &settings()?)?;
        let store = site.path().join("jetstream");
        let config = site
            .server_config(Accounts::Several, &site.keys.issuer.public_key())
            .replace("  APP {}", "  APP { jetstream: enabled }");
        let config = format!(
            "{config}jetstream {{ store_dir: \"{}\"{jetstream} }}\n{extra}",
            store.display()
        );
        let server = site.start_server_with(&config).await?;
        let host = site.spawn_host(&server, &plain_hashes(&[POLICY]))?;
        host.ready().await?;
        let serving = Serving { site, server, host };
        let administrator = connect(&serving.url(), ADMINISTRATOR).await?;
        let stage = Self {
            serving,
            administrator,
        };
        stage.reset().await?;
        Ok(stage)
    }

    pub(super) fn url(&self) -> String {
        self.serving.url()
    }

    pub(super) const fn port(&self) -> u16 {
        self.serving.server.port()
    }

    /// Logs in as the user of a case, with a private inbox.
    pub(super) async fn user(&self, case: &str) -> Result<Client> {
        connect(&self.url(), case).await
    }

    /// Returns the login of a third-party client, with a private inbox.
    pub(super) fn login(case: &str) -> Login {
        Login::password(case, &password(case)).inbox_prefix(&inbox(case))
    }

    /// Calls the API as the administrator.
    pub(super) async fn api(&self, call: &str, body: Value) -> Result<Value> {
        let answer = self.answer(call, body).await?;
        ensure!(answer.get("error").is_none(), "{call}: {answer}");
        Ok(answer)
    }

    /// Calls the API as the administrator. Returns also an error of the API.
    pub(super) async fn answer(&self, call: &str, body: Value) -> Result<Value> {
        let subject = format!("$JS.API.{call}");
        let answer = self.administrator.request(subject, body.to_string().into());
        Ok(serde_json::from_slice(&answer.await?.payload)?)
    }

    /// Deletes every stream, and makes those of the tests again.
    pub(super) async fn reset(&self) -> Result<()> {
        let names = self.api("STREAM.NAMES", json!({})).await?;
        for name in names
            .get("streams")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = name.as_str().context("a name is no text")?;
            self.api(&format!("STREAM.DELETE.{name}"), json!({}))
                .await?;
        }
        for (name, subjects) in [
            ("ORDERS", vec!["orders.>"]),
            ("SECRET", vec!["secret.>"]),
            ("KV_CFG", vec!["$KV.CFG.>"]),
            ("KV_OTHER", vec!["$KV.OTHER.>"]),
            ("OBJ_FILES", vec!["$O.FILES.C.>", "$O.FILES.M.>"]),
        ] {
            let is_plain = !name.contains('_');
            let stream = json!({
                "name": name, "subjects": subjects, "storage": "memory", "allow_direct": true,
                "allow_rollup_hdrs": !is_plain, "discard": "new",
                "max_msgs_per_subject": if name.starts_with("KV_") { 1 } else { -1 },
            });
            self.api(&format!("STREAM.CREATE.{name}"), stream).await?;
        }
        let queue = json!({ "name": "WQ", "subjects": ["wq.>"], "storage": "memory", "retention": "workqueue" });
        self.api("STREAM.CREATE.WQ", queue).await?;
        for (subject, body) in [
            ("orders.eu.1", "eu"),
            ("orders.eu.2", "eu"),
            ("orders.us.1", "us"),
            ("orders.eu.empty", ""),
            ("secret.1", "secret"),
            ("$KV.CFG.a.x", "ax"),
            ("$KV.CFG.b.x", "bx"),
            ("$KV.CFG.a.gone", ""),
            ("$KV.OTHER.k", "untouched"),
            ("$O.FILES.C.1", "chunk"),
            ("wq.1", "work"),
        ] {
            self.administrator.request(subject, body.into()).await?;
        }
        for (stream, name, more) in [
            ("ORDERS", "worker", json!({})),
            (
                "ORDERS",
                "other",
                json!({ "filter_subject": "orders.us.>" }),
            ),
            ("ORDERS", "idle", json!({ "filter_subject": "orders.none" })),
            (
                "ORDERS",
                "pusher",
                json!({ "filter_subject": "orders.eu.>", "deliver_subject": "deliver.orders" }),
            ),
            ("WQ", "worker", json!({})),
        ] {
            let mut config = json!({ "durable_name": name, "ack_policy": "explicit" });
            if let (Some(config), Some(more)) = (config.as_object_mut(), more.as_object()) {
                config.extend(more.clone());
            }
            let call = format!("CONSUMER.DURABLE.CREATE.{stream}.{name}");
            self.api(&call, json!({ "stream_name": stream, "config": config }))
                .await?;
        }
        Ok(())
    }

    /// Waits until the server has processed what the client has sent. The client must be allowed to
    /// subscribe to `subject`.
    ///
    /// The library's `flush` is no barrier, and it takes a login for complete too early.
    pub(super) async fn settle(&self, client: &Client, subject: &str) -> Result<()> {
        let mut markers = client.subscribe(subject.to_owned()).await?;
        client.flush().await?;
        let marked = async {
            loop {
                self.administrator
                    .publish(subject.to_owned(), "".into())
                    .await?;
                self.administrator.flush().await?;
                if timeout(INTERVAL, markers.next()).await.is_ok() {
                    return anyhow::Ok(());
                }
            }
        };
        timeout(PATIENCE, marked)
            .await
            .context("the client hears nothing")?
    }

    /// Waits until the server has processed what the administrator has sent.
    pub(super) async fn settle_administrator(&self) -> Result<()> {
        self.api("INFO", json!({})).await.map(drop)
    }

    /// Returns the number of messages of a stream; `None` if it does not exist.
    pub(super) async fn messages(&self, stream: &str) -> Result<Option<u64>> {
        let info = self
            .answer(&format!("STREAM.INFO.{stream}"), json!({}))
            .await?;
        Ok(info.pointer("/state/messages").and_then(Value::as_u64))
    }

    /// Returns the value of the key that no user of the cases may write.
    pub(super) async fn foreign_key(&self) -> Result<Vec<u8>> {
        let key = "$JS.API.DIRECT.GET.KV_OTHER.$KV.OTHER.k";
        Ok(self
            .administrator
            .request(key, "".into())
            .await?
            .payload
            .to_vec())
    }
}

/// Returns the inbox prefix of a user, by the rule that clients know.
pub(super) fn inbox(user: &str) -> String {
    format!("_INBOX.{user}")
}

async fn connect(url: &str, user: &str) -> Result<Client> {
    let options = ConnectOptions::with_user_and_password(user.to_owned(), password(user))
        .name(user)
        .custom_inbox_prefix(inbox(user));
    Ok(timeout(PATIENCE, options.connect(url)).await??)
}
