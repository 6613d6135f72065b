//! A host that decides logins in operator mode, and logs in with credentials itself.

use std::fs;

use anyhow::{Context, Result, ensure};
use async_nats::ConnectOptions;
use portcullis_harness::{
    Answer, Built, ForeignClient, Host, Login, Made, NatsServer, PATIENCE, PolicyDirectory,
    Release, Step, Wire, plain_hashes,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{credentials, go, system};
use crate::rules::{Rule, settings};
use crate::stage::user_info;
use crate::suite::Results;

/// The name of the policy.
const POLICY: &str = "conforms";
/// The token that the policy knows.
pub(super) const TOKEN: &str = "a-token-of-the-accounts-suite";

/// A system that `init` made, with a user of the callout account that bypasses the callout, and one
/// of the account for clients.
pub(super) struct Stage {
    pub(super) made: Made,
    pub(super) server: NatsServer,
    pub(super) host: Host,
    /// The public key of the account `APP`.
    pub(super) key: String,
    policies: PolicyDirectory,
}

/// Runs the rows 9 to 20.
pub(super) async fn act(release: Release, results: Results) -> Result<()> {
    results.row(16, credentials::versions()).await;
    let stage = Stage::start(release).await?;
    results.row(14, stage.replaced()).await;
    stage.host.ready().await?;
    results.row(13, credentials::variants(&stage)).await;
    results.row(17, credentials::minted(&stage)).await;
    results.row(18, stage.sentinel()).await;
    results.row(19, stage.languages()).await;
    match ForeignClient::Go.missing() {
        None => results.row(20, go::logins(&stage)).await,
        Some(reason) => results.missing(20, reason),
    }
    results.row(9, system::sessions_by_events(&stage)).await;
    results.row(10, system::kick(&stage)).await;
    results.row(12, system::health(&stage)).await;
    results.row(11, system::services(&stage)).await;
    results.row(15, credentials::secrets(&stage)).await;
    Ok(())
}

/// Returns the rule that lets a client with the token in, who may publish on these subjects.
pub(super) fn user_rule(publish: &[&str]) -> Rule {
    let rule = Rule::token(TOKEN).permits("APP").named("desk-user");
    rule.publish(publish).subscribe(&["_INBOX.>"])
}

impl Stage {
    /// Starts a server, and a host whose own credentials end soon.
    async fn start(release: Release) -> Result<Self> {
        let made = Made::new(&["--oldest-server", "2.10.26"]).await?;
        let mint = async |user: &str, name: &str| {
            let creds = made.path(name).display().to_string();
            made.text(&format!("creds mint {user} --out {creds}")).await
        };
        made.text("user add observer --account AUTH").await?;
        mint("observer --account AUTH", "observer.creds").await?;
        let observer = made.text("user describe observer --account AUTH --json");
        let observer: Value = serde_json::from_str(&observer.await?)?;
        let observer = observer.pointer("/claims/sub").and_then(Value::as_str);
        let observer = observer.context("no key")?;
        made.text(&format!("account edit AUTH --auth-user {observer}"))
            .await?;
        made.text("user add worker --account APP").await?;
        mint("worker --account APP", "worker.creds").await?;
        let accounts = made.text("account preload").await?;
        fs::write(made.path("accounts.conf"), accounts)?;
        let policies = PolicyDirectory::create(made.path("policies"))?;
        let rule = user_rule(&["orders.>", "$SYS.REQ.USER.INFO"]);
        policies.put_policy(POLICY, &Built::guest("conforms")?, &settings(&[rule]))?;
        let key = made.account_key("APP").await?;
        let server = made.start_server(release).await?;

        let config = made.point_at(&server)?;
        let text = fs::read_to_string(&config)?;
        fs::write(&config, text + "\n" + &plain_hashes(&[POLICY]))?;
        made.text("user edit portcullis --account AUTH --expires 4s")
            .await?;
        mint("portcullis --account AUTH", "short.creds").await?;
        fs::copy(made.path("short.creds"), made.path("creds/callout.creds"))?;
        let host = Host::spawn(&config, &["--log-level", "trace"])?;
        made.text("user edit portcullis --account AUTH --expires never")
            .await?;
        mint("portcullis --account AUTH", "long.creds").await?;
        Ok(Self {
            made,
            server,
            host,
            key,
            policies,
        })
    }

    /// Writes rules for the policy, and waits until they serve.
    pub(super) async fn put_rules(&self, rules: &[Rule]) -> Result<()> {
        let mark = self.host.log().len();
        let module = Built::guest("conforms")?;
        self.policies
            .put_policy(POLICY, &module, &settings(rules))?;
        self.host.published_from(mark, POLICY).await?;
        Ok(())
    }

    /// Returns options of a client that presents the sentinel and a token.
    pub(super) fn options(&self, token: &str, name: &str) -> Result<ConnectOptions> {
        let options = ConnectOptions::with_credentials(&self.shared()?)?;
        let options = options.token(token.to_owned()).name(name);
        Ok(options.connection_timeout(PATIENCE))
    }

    /// Returns the credentials that all clients share.
    pub(super) fn shared(&self) -> Result<String> {
        Ok(fs::read_to_string(self.made.path("creds/sentinel.creds"))?)
    }

    /// Verifies that the host takes replaced credentials before or after its own have ended.
    async fn replaced(&self) -> Result<()> {
        // On a busy machine, the first credentials may have ended before the first login.
        self.host
            .wait_for("the first login", |event| {
                event.says("ready")
                    || event.says(Host::DENIES_ALONE)
                    || event.says("nats login refused")
            })
            .await?;
        let renewed = fs::read_to_string(self.made.path("long.creds"))?;
        fs::write(self.made.path("creds/callout.creds"), &renewed)?;
        let system = self.made.system(&self.server).await?;
        let is_in = async {
            loop {
                let shown = crate::connect::connections(&system).await?;
                let jwts = shown.iter().filter_map(|it| it.get("jwt")?.as_str());
                if jwts.into_iter().any(|jwt| renewed.contains(jwt)) {
                    return anyhow::Ok(());
                }
            }
        };
        timeout(PATIENCE, is_in).await?
    }

    /// Verifies that the token decides behind a sentinel, and that neither suffices alone.
    async fn sentinel(&self) -> Result<()> {
        let options = self.options(TOKEN, "behind")?.max_reconnects(1);
        let client = options.connect(self.server.url()).await?;
        let info = user_info(&client).await?;
        let account = info.get("account").and_then(Value::as_str);
        ensure!(account == Some(self.key.as_str()), "{info}");
        let shared = self.shared()?;
        let jwt = shared.lines().find(|line| line.starts_with("eyJ"));
        for fields in [
            json!({ "auth_token": TOKEN }),
            json!({ "jwt": jwt }),
            json!({ "jwt": jwt, "auth_token": "a-token-that-no-policy-knows" }),
        ] {
            let answer = Wire::open(self.server.port())
                .await?
                .log_in(&fields)
                .await?;
            ensure!(answer != Answer::Admitted, "let in");
            ensure!(answer.is_refused_without_reason(), "{answer:?}");
        }
        Ok(())
    }

    /// Verifies the same with clients in other languages.
    async fn languages(&self) -> Result<()> {
        let shared = Login::credentials(&self.shared()?);
        let url = self.server.url();
        for client in [ForeignClient::Python, ForeignClient::JavaScript] {
            let login = shared.clone().and_token(TOKEN).inbox_prefix("_INBOX");
            let session = client.run(&url, login, "behind", &[Step::UserInfo]);
            let session = session.await?;
            ensure!(session.connected, "{client:?}: {session:?}");
            let info = session.result(0, "info");
            let account = info.get("account").and_then(Value::as_str);
            ensure!(account == Some(self.key.as_str()), "{client:?}: {info}");
            let unknown = shared.clone().and_token("a-token-that-no-policy-knows");
            for login in [Login::token(TOKEN), unknown] {
                let session = client.run(&url, login, "refused", &[]).await?;
                let refused = session.is_refused_without_reason();
                ensure!(refused, "{client:?}: {session:?}");
            }
        }
        Ok(())
    }
}
