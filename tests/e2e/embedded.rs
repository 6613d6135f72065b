//! The host as a library, in the process of the tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use portcullis::{Authorizer, Config, Host, HostHandle, ReloadError};
use portcullis_core::{
    AuthorizationRequest, BucketName, Decision, DenialClass, FixedKeyValues, Permit,
    RecordedVerdict,
};
use portcullis_harness::{
    Accounts, Built, Credentials, NatsServer, PATIENCE, Release, Site, is_refused, log_in,
};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{ALICE, POLICY, alice, settings, static_users};

#[path = "../../host/app/examples/embedded.rs"]
#[expect(dead_code, reason = "the tests do not use the example's `main`")]
mod example;

/// A host that runs in a task.
struct Embedded {
    handle: HostHandle,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Embedded {
    /// Waits until the host in `task` sends its handle.
    async fn ready(
        ready: oneshot::Receiver<HostHandle>,
        stop: oneshot::Sender<()>,
        task: JoinHandle<Result<()>>,
    ) -> Result<Self> {
        let Ok(handle) = timeout(PATIENCE, ready).await? else {
            task.await??;
            return Err(anyhow!("the host ended before it was ready"));
        };
        Ok(Self { handle, stop, task })
    }

    /// Stops the host and waits for its end.
    async fn end(self) -> Result<()> {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.task).await??
    }
}

async fn site() -> Result<(Site, NatsServer)> {
    let site = Site::create(Release::Nats2_15)?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site.host_config(&server.url(), "");
    site.write_config("portcullis.toml", &config)?;
    Ok((site, server))
}

/// Waits for the end of the channel's other side.
async fn stopped(stop: oneshot::Receiver<()>) {
    let _ = stop.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_serves_policies_and_reloads_them() -> Result<()> {
    let (site, server) = site().await?;
    site.policies
        .put_policy(POLICY, &static_users()?, &settings(&[alice("").await?]))?;
    let file = site.path().join("portcullis.toml");
    let config = file.clone();
    let (sender, ready) = oneshot::channel();
    let (stop, asked) = oneshot::channel();
    let task = tokio::spawn(async move {
        let on_ready = |handle| {
            let _ = sender.send(handle);
        };
        let ended = example::serve(&file, on_ready, stopped(asked)).await;
        ended.map_err(|error| anyhow!(error))
    });
    let host = Embedded::ready(ready, stop, task).await?;
    assert!(
        host.handle.status().is_ready(),
        "{:?}",
        host.handle.status()
    );

    log_in(&server.url(), ALICE, "alice").await?;
    assert!(is_refused(
        &log_in(&server.url(), Credentials::Password("bob", "b"), "bob").await
    ));
    let policies = |handle: &HostHandle| {
        let samples = handle.metrics().into_iter();
        samples
            .filter(|sample| sample.name == "policy_info")
            .count()
    };
    assert_eq!(policies(&host.handle), 1);

    site.policies
        .put_policy("other", &static_users()?, &settings(&[]))?;
    let text = std::fs::read_to_string(&config)?;
    std::fs::write(
        &config,
        text.replace("[callout]\n", "[callout]\ndeadline = \"2s\"\n"),
    )?;
    let reloaded = host.handle.reload().await?;
    let applied: Vec<_> = reloaded.applied.into_iter().collect();
    assert_eq!(applied, ["callout.deadline"]);
    let added = async {
        while policies(&host.handle) < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, added)
        .await
        .context("no policy was added")?;
    let handle = host.handle.clone();
    host.end().await?;
    assert!(!handle.status().is_ready(), "it has ended");
    let ended = handle.reload().await.unwrap_err();
    assert!(matches!(ended, ReloadError::NotRunning), "{ended}");
    Ok(())
}

/// An authorizer that permits alice with any password.
struct OnlyAlice;

impl Authorizer for OnlyAlice {
    async fn authorize(&self, request: Arc<AuthorizationRequest>, _: Instant) -> Decision {
        let user = request.credentials.username.as_deref();
        let permit = Permit::builder("APP", request.received_at).finish();
        match (user, permit) {
            (Some("alice"), Ok(permit)) => Decision::permit(permit),
            _ => Decision::deny(DenialClass::PolicyDenied, "not alice"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_authorizer_decides_instead_of_policies() -> Result<()> {
    let (site, server) = site().await?;
    let config = Config::load(&site.path().join("portcullis.toml"))?;
    let (sender, ready) = oneshot::channel();
    let (stop, asked) = oneshot::channel();
    let on_ready = |handle| {
        let _ = sender.send(handle);
    };
    let (recorder, mut records) = unbounded_channel();
    let host = Host::builder(config.value)
        .on_record(move |record| {
            let _ = recorder.send(record.clone());
        })
        .authorizer(OnlyAlice)
        .on_ready(on_ready)
        .build()?;
    let task = tokio::spawn(async move { Ok(host.run(stopped(asked)).await?) });
    let host = Embedded::ready(ready, stop, task).await?;
    log_in(&server.url(), ALICE, "alice").await?;
    assert!(is_refused(
        &log_in(&server.url(), Credentials::Password("bob", "b"), "bob").await
    ));
    assert!(
        host.handle.status().is_ready(),
        "{:?}",
        host.handle.status()
    );
    host.end().await?;
    // The record of a permit waits until the server can no longer refuse it.
    let mut verdicts = BTreeMap::new();
    while let Some(record) = records.recv().await {
        verdicts.insert(record.login.username.clone(), record.verdict);
    }
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(verdicts.get(&name("alice")), Some(&RecordedVerdict::Permit));
    assert_eq!(verdicts.get(&name("bob")), Some(&RecordedVerdict::Deny));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_look_up_values_of_the_embedding_program() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let server = site.start_server(Accounts::Several).await?;
    let grant = "[policies.grants.revocations]\nkey-value = [\"revoked\"]\n";
    site.write_config("portcullis.toml", &site.host_config(&server.url(), grant))?;
    let module = Built::guest("looks_up")?;
    let settings = "[settings]\nbucket = \"revoked\"\n";
    site.policies.put_policy("revocations", &module, settings)?;
    let revoked: BucketName = "revoked".parse()?;
    let values = FixedKeyValues::default().with(&revoked, [("mallory", "left in May")]);

    let config = Config::load(&site.path().join("portcullis.toml"))?;
    let (sender, ready) = oneshot::channel();
    let (stop, asked) = oneshot::channel();
    let host = Host::builder(config.value)
        .key_values(Arc::new(values))
        .on_ready(|handle| {
            let _ = sender.send(handle);
        })
        .build()?;
    let task = tokio::spawn(async move { Ok(host.run(stopped(asked)).await?) });
    let host = Embedded::ready(ready, stop, task).await?;
    log_in(&server.url(), ALICE, "alice").await?;
    let mallory = Credentials::Password("mallory", "any");
    assert!(is_refused(&log_in(&server.url(), mallory, "mallory").await));
    host.end().await
}
