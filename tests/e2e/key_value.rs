//! Policies that look up keys in buckets, while clients change the buckets.

mod expiry;
mod revoking;

use anyhow::{Context, Result};
use async_nats::jetstream::kv;
use async_nats::jetstream::{self, consumer};
use futures::{StreamExt as _, TryStreamExt as _};
use portcullis_harness::{Built, Event, PATIENCE, Relay, Release, Site, run_portcullis};
use rstest::rstest;

use revoking::{BUCKET, FORGED, GRANT, Revoking, keeper, says};

const SYNCHRONISED: &str = "key-value bucket synchronised";
const MISSING: &str = "key-value bucket missing: look-ups fail";
const LOST: &str = "key-value bucket lost: look-ups are answered by what was known";

#[rstest]
#[tokio::test]
async fn a_user_in_a_bucket_is_refused_until_taken_out(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let revoking = Revoking::start(release).await?;
    let bucket = revoking.make_bucket().await?;
    bucket.put("mallory", "left in May".into()).await?;
    let host = revoking.start_host("").await?;
    let synchronised = says(&host, 0, SYNCHRONISED).await?;
    assert_eq!(synchronised.number("key_value.keys"), Some(1));
    let loaded = host.log().len();

    assert!(revoking.is_admitted("alice", "desk").await?);
    let reason = revoking.refusal(&host, "mallory").await?;
    assert!(reason.contains("revoked: left in May"), "{reason}");

    bucket.put("alice", "on leave".into()).await?;
    revoking.comes_to("alice", false).await?;
    bucket.delete("alice").await?;
    revoking.comes_to("alice", true).await?;
    bucket.put("alice", vec![0xff].into()).await?;
    revoking.comes_to("alice", false).await?;
    let reason = revoking.refusal(&host, "alice").await?;
    assert!(reason.contains("not UTF-8 text"), "{reason}");
    bucket.purge("alice").await?;
    revoking.comes_to("alice", true).await?;
    let reason = revoking.refusal(&host, "not a key").await?;
    assert!(reason.contains("cannot look up: no key"), "{reason}");

    let events = host.log().all();
    let reloads = events.iter().skip(loaded);
    assert_eq!(
        reloads.filter(|event| event.says("policy loaded")).count(),
        0
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_missing_bucket_denies_every_login_until_it_exists(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let revoking = Revoking::start(release).await?;
    let host = revoking.start_host("").await?;
    says(&host, 0, MISSING).await?;
    let reason = revoking.refusal(&host, "alice").await?;
    assert!(
        reason.contains("bucket `revoked` is not synchronised"),
        "{reason}"
    );

    for _ in 0..2 {
        let mark = host.log().len();
        let bucket = revoking.make_bucket().await?;
        says(&host, mark, SYNCHRONISED).await?;
        assert!(revoking.is_admitted("alice", "desk").await?);
        bucket.put("alice", "on leave".into()).await?;
        revoking.comes_to("alice", false).await?;

        let mark = host.log().len();
        let context = jetstream::new(revoking.keeper.clone());
        context.delete_key_value(BUCKET).await?;
        says(&host, mark, MISSING).await?;
        let reason = revoking.refusal(&host, "bob").await?;
        assert!(
            reason.contains("bucket `revoked` is not synchronised"),
            "{reason}"
        );
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_bucket_is_read_again_when_its_server_comes_back(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut revoking = Revoking::start(release).await?;
    let bucket = revoking.make_bucket().await?;
    bucket.put("mallory", "left in May".into()).await?;
    let host = revoking.start_host("jetstream-domain = \"hub\"").await?;
    revoking.comes_to("alice", true).await?;

    let Revoking {
        site,
        server,
        keeper: _,
    } = revoking;
    let start_again = server.stop().await?;
    says(&host, 0, LOST).await?;
    let mark = host.log().len();
    let server = start_again.await?;
    says(&host, mark, SYNCHRONISED).await?;
    let keeper = keeper(&server).await?;
    revoking = Revoking {
        site,
        server,
        keeper,
    };

    revoking.comes_to("alice", true).await?;
    assert!(!revoking.is_admitted("mallory", "desk").await?);
    let bucket = jetstream::new(revoking.keeper.clone())
        .get_key_value(BUCKET)
        .await?;
    bucket.put("alice", "on leave".into()).await?;
    revoking.comes_to("alice", false).await?;
    bucket.delete("mallory").await?;
    revoking.comes_to("mallory", true).await
}

#[rstest]
#[tokio::test]
async fn a_bucket_whose_consumer_is_gone_is_read_again(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let revoking = Revoking::start(release).await?;
    let bucket = revoking.make_bucket().await?;
    let host = revoking.start_host("").await?;
    let mark = host.log().len();

    let consumers: Vec<consumer::Info> = bucket.stream.consumers().try_collect().await?;
    let [consumer] = consumers.as_slice() else {
        anyhow::bail!("expected one consumer, found {consumers:?}")
    };
    bucket.stream.delete_consumer(&consumer.name).await?;
    // No consumer delivers this change.
    bucket.put("mallory", "left in May".into()).await?;
    says(&host, mark, SYNCHRONISED).await?;
    revoking.comes_to("mallory", false).await
}

#[rstest]
#[tokio::test]
async fn a_bucket_that_is_too_large_denies_every_login(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let revoking = Revoking::start(release).await?;
    let bucket = revoking.make_bucket().await?;
    let host = revoking.start_host("max-bytes = \"1KiB\"").await?;
    revoking.comes_to("alice", true).await?;
    let mark = host.log().len();
    bucket.put("mallory", "x".repeat(2000).into()).await?;
    let words = "key-value bucket larger than `max-bytes` under [key-value]: look-ups fail";
    let told = says(&host, mark, words).await?;
    assert_eq!(told.number("key_value.limit"), Some(1024));
    let reason = revoking.refusal(&host, "alice").await?;
    assert!(
        reason.contains("raise `max-bytes` under [key-value]"),
        "{reason}"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn what_another_consumer_sends_to_the_mirror_is_not_applied(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let revoking = Revoking::start(release).await?;
    let bucket = revoking.make_bucket().await?;
    bucket.put("mallory", "left in May".into()).await?;
    let host = revoking.start_host("").await?;
    says(&host, 0, SYNCHRONISED).await?;
    let mark = host.log().len();

    // Another user of the account knows the inbox, and creates a consumer that delivers to it, as
    // the mirror's consumer does.
    let consumers: Vec<consumer::Info> = bucket.stream.consumers().try_collect().await?;
    let [mirror] = consumers.as_slice() else {
        anyhow::bail!("expected one consumer, found {consumers:?}")
    };
    let inbox = mirror.config.deliver_subject.clone().context("no inbox")?;
    let context = jetstream::new(revoking.keeper.clone());
    let mine = kv::Config {
        bucket: "mine".to_owned(),
        history: 10,
        ..kv::Config::default()
    };
    let mine = context.create_key_value(mine).await?;
    let aimed_at = |subject: &str| consumer::push::Config {
        durable_name: Some("mine".to_owned()),
        deliver_subject: subject.to_owned(),
        ack_policy: consumer::AckPolicy::None,
        ..Default::default()
    };
    let mut own = revoking.keeper.subscribe("own").await?;
    mine.stream.create_consumer(aimed_at("own")).await?;
    for _ in 0..mirror.delivered.consumer_sequence {
        mine.put("filler", "".into()).await?;
        own.next().await.context("nothing delivered")?;
    }
    // The delivery subject of a consumer with a subscriber cannot change. The server notices only a
    // moment later that the subscriber is gone.
    own.unsubscribe().await?;
    let aim = async { while mine.stream.create_consumer(aimed_at(&inbox)).await.is_err() {} };
    tokio::time::timeout(PATIENCE, aim).await?;
    mine.put("alice", "forged".into()).await?;
    mine.delete("mallory").await?;
    says(&host, mark, FORGED).await?;

    assert!(revoking.is_admitted("alice", "desk").await?);
    assert!(!revoking.is_admitted("mallory", "desk").await?);
    bucket.put("bob", "on leave".into()).await?;
    revoking.comes_to("bob", false).await?;
    let events = host.log().all();
    let after = events.iter().skip(mark);
    let forged = after.clone().filter(|event| event.says(FORGED)).count();
    assert_eq!(forged, 1, "said once");
    let again = after.filter(|event| event.says(SYNCHRONISED)).count();
    assert_eq!(again, 0, "nothing was read again");
    Ok(())
}

#[tokio::test]
async fn the_log_has_the_keys_that_a_decision_looked_up() -> Result<()> {
    let revoking = Revoking::start(Release::Nats2_15).await?;
    let bucket = revoking.make_bucket().await?;
    bucket.put("mallory", "left in May".into()).await?;
    let host = revoking
        .start_host("[log]\nlevel = \"info,portcullis_engine::asked=debug\"")
        .await?;
    for (user, is_admitted) in [("alice", true), ("mallory", false)] {
        assert_eq!(revoking.is_admitted(user, user).await?, is_admitted);
        let decision = host.decision(user).await?;
        let nkey = decision.text("user_nkey");
        let words = "policy asked";
        let asked = |event: &Event| event.says(words) && event.text("user_nkey") == nkey;
        let asked = host.wait_for(words, asked).await?;
        let expected = format!("identity.username,key-value.get({BUCKET},{user})");
        assert_eq!(asked.text("policy.asked"), expected);
        assert!(!asked.line().contains("left in May"), "{asked:?}");
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_bucket_is_followed_over_another_connection_while_its_own_is_gone(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let revoking = Revoking::start(release).await?;
    let bucket = revoking.make_bucket().await?;
    let relay = Relay::start(revoking.server.port()).await?;
    let table = format!("{GRANT}[key-value]\nbuckets = [\"{BUCKET}\"]\n");
    let config = revoking.site.host_config(&relay.url(), &table);
    let config = config.replacen("[nats]\n", "[nats]\nconnections = 2\n", 1);
    let host = revoking.site.spawn_host_with(&config)?;
    host.ready().await?;

    for connection in ["portcullis-1", "portcullis-2"] {
        let mark = host.log().len();
        relay.cut(connection);
        // The connection that was cut earlier reconnects, and the host follows the bucket over it.
        says(&host, mark, LOST).await?;
        says(&host, mark, SYNCHRONISED).await?;
        let user = format!("known-to-{connection}");
        bucket.put(&user, "left in May".into()).await?;
        revoking.comes_to(&user, false).await?;
        bucket.delete(&user).await?;
        revoking.comes_to(&user, true).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_grant_of_a_bucket_that_is_not_configured_is_found_before_it_serves() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let settings = "[settings]\nbucket = \"revoked\"\n";
    site.policies
        .put_policy("revocations", &Built::guest("looks_up")?, settings)?;
    let config = |buckets: &str| {
        let table = format!("{GRANT}[key-value]\nbuckets = {buckets}\n");
        site.write_config(
            "portcullis.toml",
            &site.host_config("nats://127.0.0.1:4222", &table),
        )
    };
    let module = site.policies.path().join("revocations.wasm");
    let module = module.to_str().context("not UTF-8")?;
    for (buckets, is_configured) in [("[]", false), (r#"["revoked"]"#, true)] {
        let file = config(buckets)?;
        let file = file.to_str().context("not UTF-8")?;
        let checked = run_portcullis(&["check", "--config", file], "").await?;
        let inspected = run_portcullis(&["inspect", module, "--config", file], "").await?;
        let expected = "the key-value bucket `revoked`, which this host does not mirror";
        for finished in [&checked, &inspected] {
            assert_eq!(
                !finished.stdout.contains(expected),
                is_configured,
                "{finished:?}"
            );
        }
        assert!(
            inspected.stdout.contains("\n    key-value: revoked\n"),
            "{inspected:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_locked_user_is_refused_until_the_lock_is_removed() -> Result<()> {
    let revoking = Revoking::start(Release::Nats2_15).await?;
    let bucket = revoking.make_bucket().await?;
    let host = revoking.start_host("locks = \"revoked\"").await?;
    says(&host, 0, SYNCHRONISED).await?;
    revoking.comes_to("alice", true).await?;
    let lock = r#"{"reason": "lost laptop"}"#;
    bucket.put("user.alice", lock.into()).await?;
    revoking.comes_to("alice", false).await?;
    let reason = revoking.refusal(&host, "alice").await?;
    assert!(
        reason.contains("locked by `user.alice`: lost laptop"),
        "{reason}"
    );
    assert!(revoking.is_admitted("bob", "desk").await?);
    // A lock that has ended, as `portcullis lock remove` writes it.
    bucket.put("user.alice", r#"{"until": 0}"#.into()).await?;
    revoking.comes_to("alice", true).await?;
    bucket.put("network.=MTI3LjAuMC4wLzg", lock.into()).await?;
    revoking.comes_to("bob", false).await
}
