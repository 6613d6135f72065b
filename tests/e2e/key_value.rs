//! Policies that look up keys in buckets, while clients change the buckets.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::Client;
use async_nats::jetstream::kv::{self, Store};
use async_nats::jetstream::{self, consumer};
use futures::{StreamExt as _, TryStreamExt as _};
use portcullis_harness::{
    Accounts, Built, Credentials, Event, Host, NatsServer, PATIENCE, Relay, Release, Site,
    is_refused, log_in, run_portcullis,
};
use rstest::rstest;

const BUCKET: &str = "revoked";
/// The maximum number of attempts until a change takes effect.
const ATTEMPTS: usize = 20;

const SYNCHRONISED: &str = "key-value bucket synchronised";
const MISSING: &str = "key-value bucket missing: look-ups fail";
const LOST: &str = "key-value bucket lost: look-ups are answered by what was known";

/// The tables of a configuration that grant the bucket.
const GRANT: &str = "[policies.grants.revocations]\nkey-value = [\"revoked\"]\n";
const FORGED: &str = "forged message for a key-value bucket ignored: another user of its account sends to the host's inbox";

/// A site whose policy refuses the users in the bucket.
struct Revoking {
    site: Site,
    server: NatsServer,
    /// The client that maintains the bucket.
    keeper: Client,
}

impl Revoking {
    async fn start(release: Release) -> Result<Self> {
        let site = Site::create(release)?;
        let settings = format!("[settings]\nbucket = \"{BUCKET}\"\n");
        let module = Built::guest("looks_up")?;
        site.policies
            .put_policy("revocations", &module, &settings)?;
        let server = site.start_server(Accounts::Buckets).await?;
        let keeper = keeper(&server).await?;
        Ok(Self {
            site,
            server,
            keeper,
        })
    }

    async fn make_bucket(&self) -> Result<Store> {
        self.make_bucket_with(kv::Config::default()).await
    }

    /// Creates the bucket with this configuration.
    async fn make_bucket_with(&self, config: kv::Config) -> Result<Store> {
        let config = kv::Config {
            bucket: BUCKET.to_owned(),
            ..config
        };
        let context = jetstream::new(self.keeper.clone());
        Ok(context.create_key_value(config).await?)
    }

    /// Starts a host that mirrors the bucket, with these additional lines under `[key-value]`.
    async fn start_host(&self, more: &str) -> Result<Host> {
        let table = format!("{GRANT}[key-value]\nbuckets = [\"{BUCKET}\"]\n{more}\n");
        let host = self.site.spawn_host(&self.server, &table)?;
        host.ready().await?;
        Ok(host)
    }

    /// Logs in `user` until the result is the expected one, because a change takes a moment.
    async fn comes_to(&self, user: &str, is_admitted: bool) -> Result<()> {
        for _ in 0..ATTEMPTS {
            if self.is_admitted(user, "desk").await? == is_admitted {
                return Ok(());
            }
        }
        anyhow::bail!("`{user}` let in: never {is_admitted}")
    }

    async fn is_admitted(&self, user: &str, name: &str) -> Result<bool> {
        let login = log_in(&self.server.url(), Credentials::Password(user, "any"), name).await;
        ensure!(login.is_ok() || is_refused(&login), "{login:?}");
        Ok(login.is_ok())
    }

    /// Returns the reason why `user` is refused.
    async fn refusal(&self, host: &Host, user: &str) -> Result<String> {
        let mark = host.log().len();
        ensure!(
            !self.is_admitted(user, "refused").await?,
            "`{user}` is let in"
        );
        let awaited = "a decision";
        let decision = host.wait_from(mark, awaited, |event| event.decides("refused"));
        Ok(decision.await?.text("denial.reason").to_owned())
    }
}

/// Logs in as a user of the account with the buckets.
async fn keeper(server: &NatsServer) -> Result<Client> {
    let (user, password) = Site::OBSERVER;
    Ok(log_in(
        &server.url(),
        Credentials::Password(user, password),
        "keeper",
    )
    .await?)
}

/// Waits until the host logs this message about the bucket.
async fn says(host: &Host, mark: usize, words: &str) -> Result<Event> {
    let said = |event: &Event| event.says(words) && event.text("key_value.bucket") == BUCKET;
    host.wait_from(mark, words, said).await
}

#[rstest]
#[tokio::test]
async fn whoever_is_put_into_a_bucket_is_refused_until_taken_out(
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
async fn a_bucket_that_is_not_there_lets_nobody_in_until_it_is(
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
async fn a_bucket_that_is_too_large_lets_nobody_in(
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
async fn whoever_is_purged_from_a_bucket_is_let_in_within_seconds(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let revoking = Revoking::start(release).await?;
    let bucket = revoking.make_bucket().await?;
    for user in ["alice", "bob", "mallory"] {
        bucket.put(user, "left in May".into()).await?;
    }
    let host = revoking.start_host("").await?;
    says(&host, 0, SYNCHRONISED).await?;
    let mark = host.log().len();

    bucket.stream.purge().filter("$KV.revoked.bob").await?;
    let differs = says(
        &host,
        mark,
        "key-value bucket differs from its stream and is read again",
    );
    let error = differs.await?.text("error").to_owned();
    assert!(error.contains("subjects"), "{error}");
    says(&host, mark, SYNCHRONISED).await?;
    assert!(revoking.is_admitted("bob", "desk").await?);
    assert!(!revoking.is_admitted("alice", "desk").await?);
    assert!(!revoking.is_admitted("mallory", "desk").await?);
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

/// A lifetime that is long enough for the host to see the key.
const BRIEF: Duration = Duration::from_secs(5);

/// Waits until the server has removed an expired key.
async fn expired(bucket: &Store, key: &str) -> Result<()> {
    let expired = async {
        while bucket.get(key).await?.is_some() {}
        Ok(())
    };
    tokio::time::timeout(BRIEF * 6, expired).await?
}

#[rstest]
#[tokio::test]
async fn whoever_is_in_a_bucket_for_a_while_is_let_in_afterwards(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let revoking = Revoking::start(release).await?;
    let aged = kv::Config {
        max_age: BRIEF,
        ..kv::Config::default()
    };
    let bucket = revoking.make_bucket_with(aged).await?;
    let host = revoking.start_host("").await?;
    bucket
        .put("mallory", "until it is forgotten".into())
        .await?;
    revoking.comes_to("mallory", false).await?;
    let mark = host.log().len();

    expired(&bucket, "mallory").await?;
    revoking.comes_to("mallory", true).await?;
    let events = host.log().all();
    let after = events.iter().skip(mark);
    let anew = after.filter(|event| event.says(SYNCHRONISED) || event.says("policy loaded"));
    assert_eq!(anew.count(), 0, "nothing was read or loaded again");
    Ok(())
}

#[tokio::test]
async fn a_key_that_ends_by_itself_takes_no_other_with_it() -> Result<()> {
    let revoking = Revoking::start(Release::Nats2_15).await?;
    let marked = kv::Config {
        limit_markers: Some(Duration::from_mins(1)),
        ..kv::Config::default()
    };
    let bucket = revoking.make_bucket_with(marked).await?;
    let _host = revoking.start_host("").await?;
    bucket.put("alice", "for ever".into()).await?;
    let reason = "until it is forgotten".into();
    bucket.create_with_ttl("mallory", reason, BRIEF).await?;
    revoking.comes_to("mallory", false).await?;
    revoking.comes_to("alice", false).await?;

    expired(&bucket, "mallory").await?;
    revoking.comes_to("mallory", true).await?;
    assert!(!revoking.is_admitted("alice", "desk").await?);
    Ok(())
}

#[tokio::test]
async fn the_log_tells_which_keys_a_decision_looked_up() -> Result<()> {
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
