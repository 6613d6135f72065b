//! `[key-value]`.

use rstest::rstest;

use super::*;

#[test]
fn buckets_are_read_in_their_order() {
    let lines =
        "buckets = [\"tenants\", \"revoked\"]\nmax-bytes = \"1MiB\"\njetstream-domain = \"hub\"";
    let table = config_with("key-value", lines).key_value;
    let names: Vec<_> = table.buckets.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["tenants", "revoked"]);
    assert_eq!(table.max_bytes, 1 << 20);
    assert_eq!(table.jetstream_domain.as_deref(), Some("hub"));
}

#[rstest]
#[case(
    r#"buckets = ["revoked", "a.b"]"#,
    "buckets: invalid bucket name `a.b`: use 1 to 255 letters, digits, `-` and `_`"
)]
#[case(r#"buckets = ["a", "b", "a"]"#, "buckets: names bucket `a` twice")]
#[case(
    r#"buckets = "revoked""#,
    "buckets: expected an array, each element the name of a key-value bucket, found a string"
)]
#[case(r#"max-bytes = "0B""#, "max-bytes: must be more than zero")]
#[case(r#"bucket = ["a"]"#, "bucket: unknown key, did you mean `buckets`?")]
fn what_is_wrong_is_named(#[case] lines: &str, #[case] expected: &str) {
    let problem = problem_with("key-value", lines);
    let (_, message) = problem.split_once("key-value.").unwrap();
    assert_eq!(message, expected);
}
