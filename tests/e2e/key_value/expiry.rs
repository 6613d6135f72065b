//! Keys that expire.

use std::time::Duration;

use anyhow::Result;
use async_nats::jetstream::kv::{self, Store};
use portcullis_harness::Release;
use rstest::rstest;

use super::SYNCHRONISED;
use super::revoking::{Revoking, says};

#[rstest]
#[tokio::test]
async fn a_user_purged_from_a_bucket_is_let_in_within_seconds(
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
async fn a_user_in_a_bucket_for_a_while_is_let_in_afterwards(
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
