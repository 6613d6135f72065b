//! Table `[key-value]`.

use rstest::rstest;

use super::*;

#[test]
fn buckets_are_read_in_their_order() {
    let lines = "buckets = [\"tenants\", \"revoked\"]\nlocks = \"revoked\"\n\
                 max-bytes = \"1MiB\"\njetstream-domain = \"hub\"";
    let table = config_with("key-value", lines).key_value;
    let names: Vec<_> = table
        .mirror
        .buckets
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["tenants", "revoked"]);
    assert_eq!(table.mirror.max_bytes, 1 << 20);
    assert_eq!(table.mirror.domain.as_deref(), Some("hub"));
    assert_eq!(table.locks, Some("revoked".parse().unwrap()));
    assert_eq!(table.nats, None);
}

#[test]
fn buckets_may_be_read_over_a_connection_of_their_own() {
    let lines = "buckets = [\"revoked\"]\n[key-value.nats]\nservers = [\"nats://hub:4222\"]\n\
                 nkey-seed-file = \"buckets.nk\"\ninbox-prefix = \"_INBOX_b\"";
    let nats = config_with("key-value", lines).key_value.nats.unwrap();
    assert_eq!(nats.name, "portcullis-buckets");
    let prefix = nats.inbox_prefix.unwrap();
    assert_eq!(prefix.as_str(), "_INBOX_b");
}

#[rstest]
#[case(
    r#"buckets = ["revoked", "a.b"]"#,
    "buckets: invalid bucket name `a.b`: use 1 to 255 letters, digits, `-` and `_`"
)]
#[case(r#"buckets = ["a", "b", "a"]"#, "buckets: names bucket `a` twice")]
#[case(
    r#"buckets = "revoked""#,
    "buckets: expected a list, each element the name of a key-value bucket, found a string"
)]
#[case(
    "buckets = [\"revoked\"]\nlocks = \"locks\"",
    "locks: bucket `locks` is not among `buckets`"
)]
#[case(r#"max-bytes = "0B""#, "max-bytes: must be more than zero")]
#[case(
    "[key-value.nats]\nmax-disconnected = \"1m\"",
    "nats.max-disconnected: is for [nats] only: what is known of a bucket outlives its connection"
)]
#[case(r#"bucket = ["a"]"#, "bucket: unknown key, did you mean `buckets`?")]
fn what_is_wrong_is_named(#[case] lines: &str, #[case] expected: &str) {
    let problem = problem_with("key-value", lines);
    let (_, message) = problem.split_once("key-value.").unwrap();
    assert_eq!(message, expected);
}
