//! The permissions that users of a bucket's account need: the one that reads the bucket, and those
//! that write to it.

use portcullis_core::BucketName;

use portcullis_connect::{PermissionSide, RequiredPermission};

/// Returns every permission that the mirror's user needs to follow `bucket`, with inboxes that
/// begin with `inbox_prefix`. With a `JetStream` domain, `$JS.API` is `$JS.DOMAIN.API`.
pub fn mirror_permissions(
    bucket: &BucketName,
    domain: Option<&str>,
    inbox_prefix: &str,
) -> Vec<RequiredPermission> {
    use PermissionSide::{Publish, Subscribe};
    let api = domain.map_or_else(
        || "$JS.API".to_owned(),
        |domain| format!("$JS.{domain}.API"),
    );
    let stream = format!("KV_{bucket}");
    vec![
        required(
            Publish,
            format!("{api}.STREAM.INFO.{stream}"),
            "find the bucket and compare with it",
        ),
        required(
            Publish,
            format!("{api}.CONSUMER.CREATE.{stream}.>"),
            "read the bucket",
        ),
        required(
            Publish,
            format!("$JS.FC.{stream}.>"),
            "read more of the bucket than 2 MB at once",
        ),
        required(
            Subscribe,
            format!("{inbox_prefix}.>"),
            "receive what is in the bucket",
        ),
        required(
            Subscribe,
            format!("$JS.EVENT.ADVISORY.STREAM.*.{stream}"),
            "notice at once that the bucket was made or deleted",
        ),
    ]
}

/// Returns every permission that a user needs to put keys into `bucket` and to delete them, with
/// inboxes that begin with `inbox_prefix`. These permissions do not let the user read the bucket.
pub fn keeper_permissions(bucket: &BucketName, inbox_prefix: &str) -> Vec<RequiredPermission> {
    use PermissionSide::{Publish, Subscribe};
    vec![
        required(
            Publish,
            format!("$KV.{bucket}.>"),
            "put, delete and purge keys",
        ),
        required(
            Publish,
            format!("$JS.API.STREAM.INFO.KV_{bucket}"),
            "open the bucket with most clients",
        ),
        required(
            Subscribe,
            format!("{inbox_prefix}.>"),
            "learn whether a key was stored",
        ),
    ]
}

const fn required(
    side: PermissionSide,
    subject: String,
    purpose: &'static str,
) -> RequiredPermission {
    RequiredPermission {
        side,
        subject,
        instead: Vec::new(),
        purpose,
    }
}
