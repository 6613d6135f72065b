//! The table `[records]`.

use portcullis_connect::SecretSource;
use portcullis_records::{LiveOptions, OtlpOptions};

use super::*;

/// Returns the minimal configuration with these lines at its end.
fn text(lines: &str) -> String {
    format!("{}{lines}", text_with("log", ""))
}

/// Returns the only problem of these lines in `[records.otlp]`, without the place in the file.
fn collector_problem(given: &str) -> String {
    let text = text(&format!("[records.otlp]\n{given}\n"));
    let problems = lines(&parse(&text).unwrap_err());
    let [problem] = problems.as_slice() else {
        panic!("expected one problem, found {problems:#?}");
    };
    let (_, problem) = problem.split_once("records.otlp.").unwrap();
    problem.to_owned()
}

#[test]
fn without_an_address_nothing_is_sent() {
    let checked = parse(&text("[records.otlp]\ntimeout = \"1s\"\n")).unwrap();
    assert_eq!(checked.value.records.otlp, None);
}

#[test]
fn what_is_set_is_what_the_collector_gets() {
    let text = text(
        "[records.otlp]\nurl = \"http://otel:4318\"\nallow-http = true\ntimeout = \"3s\"\nmax-queued = 7\n\
         ca-file = \"ca.pem\"\n[records.otlp.headers.Authorization]\nvalue-file = \"token\"\n\
         [records.otlp.headers.x-tenant]\nvalue-env = \"TENANT\"\n",
    );
    let checked = parse(&text).unwrap();
    let expected = OtlpOptions {
        headers: [
            ("authorization", SecretSource::File("dir/token".into())),
            ("x-tenant", SecretSource::Environment("TENANT".to_owned())),
        ]
        .map(|(name, source)| (name.to_owned(), source))
        .into(),
        timeout: Duration::from_secs(3),
        max_queued: 7,
        ca_file: Some("dir/ca.pem".into()),
        ..OtlpOptions::new(OtlpOptions::logs_url("http://otel:4318/v1/logs").unwrap())
    };
    assert_eq!(checked.value.records.otlp, Some(expected));
}

#[rstest]
#[case(
    "url = \"collector:4318\"",
    "url: expected an address such as `https://collector.example.com:4318`"
)]
#[case(
    "url = \"https://me:s3cret@otel\"",
    "url: has a user name or a password: put the credentials into a header"
)]
#[case(
    "url = \"https://otel/?key=s3cret\"",
    "url: has a query or a fragment: put a key into a header"
)]
#[case(
    "url = \"http://otel\"",
    "url: is not `https`: set `allow-http = true` if no third party can read the network"
)]
#[case("max-queued = 0", "max-queued: must be between 1 and 65536, found `0`")]
#[case("ca-file = \"\"", "ca-file: must not be empty")]
#[case("urn = \"x\"", "urn: unknown key, did you mean `url`?")]
#[case(
    "[records.otlp.headers.\"a b\"]\nvalue-env = \"X\"",
    "headers.\"a b\": expected the name of a header: letters, digits, `-`, `_` and `.`, found `a b`"
)]
#[case(
    "[records.otlp.headers.Host]\nvalue-env = \"X\"",
    "headers.Host: expected a header that requests do not have already, found `Host`"
)]
#[case(
    "[records.otlp.headers.key]",
    "headers.key.value-file: missing: name the file with the value of the header or, in `value-env`, an environment \
     variable"
)]
fn a_collector_that_cannot_be_used_is_refused(#[case] given: &str, #[case] problem: &str) {
    assert_eq!(collector_problem(given), problem);
}

#[test]
fn a_subject_turns_the_records_in_memory_on() {
    let live = |lines: &str| {
        let checked = parse(&text(&format!("[records.live]\n{lines}")));
        checked.unwrap().value.records.live
    };
    assert_eq!(live("max-records = 7\n"), None);
    let subject = "subject = \"audit.records\"\n";
    assert_eq!(live(subject), Some(LiveOptions::new("audit.records")));
    let bounded = LiveOptions {
        max_records: 7,
        max_size: 64 << 10,
        ..LiveOptions::new("audit.records")
    };
    let given = format!("{subject}max-records = 7\nmax-size = \"64KiB\"\n");
    assert_eq!(live(&given), Some(bounded));
}

#[rstest]
#[case(
    "subject = \"a.*\"",
    "a subject such as `portcullis.decisions`, without wildcards"
)]
#[case("max-records = 0", "must be between 1 and 100000, found `0`")]
#[case("max-size = \"2GiB\"", "1GiB")]
fn records_in_memory_are_bounded(#[case] given: &str, #[case] problem: &str) {
    let text = text(&format!("[records.live]\n{given}\n"));
    let problems = lines(&parse(&text).unwrap_err());
    assert!(problems[0].contains("records.live."), "{problems:?}");
    assert!(problems[0].contains(problem), "{problems:?}");
}
