//! The host's inbox: answers arrive below a prefix that other users of the callout account do not
//! subscribe to.

use anyhow::{Context, Result};
use async_nats::jetstream::{self, kv};
use futures::StreamExt as _;
use portcullis_harness::{Accounts, Credentials, Event, NatsServer, Release, Site, log_in};
use rstest::rstest;

use crate::support::{SENSOR, sensor_site};

const SHARED: &str = "permissions allow no inbox but `_INBOX.>`, which other users of the account may read: set `inbox-prefix` and allow it";

/// Starts a server that allows the host's user to receive answers below `inboxes` only.
async fn restricted_server(site: &Site, inboxes: &str) -> Result<NatsServer> {
    drop(site.start_server(Accounts::Several).await?);
    let file = site.path().join("nats-server.conf");
    let key = site.keys.callout.public_key();
    let permissions = format!(
        "{{ nkey: {key}, permissions: {{ publish: [\"$SYS._INBOX.>\", \"$SYS.REQ.USER.INFO\", \"_INBOX.>\", \"$SRV.INFO\"], \
         subscribe: [\"$SYS.REQ.USER.AUTH\", \"$SYS.ACCOUNT.CLIENT.AUTH.ERR\", \"$SRV.>\", \"{inboxes}\"] }} }}"
    );
    let config = std::fs::read_to_string(file)?;
    let config = config.replace(&format!("{{ nkey: {key} }}"), &permissions);
    site.start_server_with(&config).await
}

#[rstest]
#[tokio::test]
async fn a_subscriber_of_the_shared_inboxes_reads_nothing_of_the_hosts(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Buckets).await?;
    let (user, password) = Site::OBSERVER;
    let credentials = Credentials::Password(user, password);
    let keeper = log_in(&server.url(), credentials, "keeper").await?;
    let bucket = kv::Config {
        bucket: "tenants".to_owned(),
        ..kv::Config::default()
    };
    let bucket = jetstream::new(keeper).create_key_value(bucket).await?;
    bucket.put("acme", "paid".into()).await?;
    let reader = log_in(&server.url(), credentials, "reader").await?;
    let mut inboxes = reader.subscribe("_INBOX.>").await?;
    reader.flush().await?;

    let host = site.spawn_host(&server, "[key-value]\nbuckets = [\"tenants\"]\n")?;
    host.ready().await?;
    let synchronised = |event: &Event| event.says("key-value bucket synchronised");
    host.wait_for("the bucket", synchronised).await?;
    log_in(&server.url(), SENSOR, "roof").await?;

    // The server has put all earlier messages into the same queue.
    reader.publish("_INBOX.last", "".into()).await?;
    let first = inboxes.next().await.context("the subscription has ended")?;
    assert_eq!(first.subject.as_str(), "_INBOX.last", "{first:?}");
    Ok(())
}

#[rstest]
#[case::of_clients("_INBOX.>", "", true)]
#[case::configured("_INBOX_gate.>", "inbox-prefix = \"_INBOX_gate\"", false)]
#[tokio::test]
async fn a_host_whose_user_has_permissions_serves(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[case] inboxes: &str,
    #[case] setting: &str,
    #[case] is_shared: bool,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = restricted_server(&site, inboxes).await?;
    let config = site.host_config(&server.url(), "");
    let config = config.replacen("[nats]\n", &format!("[nats]\n{setting}\n"), 1);
    let host = site.spawn_host_with(&config)?;
    host.ready().await?;
    log_in(&server.url(), SENSOR, "roof").await?;
    let events = host.log().all();
    assert_eq!(events.iter().any(|event| event.says(SHARED)), is_shared);
    // The log must not report a connection that the host replaced by a different one.
    let told = |words: &str| events.iter().filter(|event| event.says(words)).count();
    assert_eq!(told("nats connected"), 2);
    assert_eq!(told("nats reconnected"), 0);
    Ok(())
}
