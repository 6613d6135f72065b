//! Tables `[records.events]` and `[records.stream.nats]`.

use super::*;

/// Returns a table that can stand after all others.
fn table(name: &str, lines: &str) -> String {
    format!("[{name}]\n{lines}")
}

fn config_of(name: &str, lines: &str) -> Config {
    config_with("exchange", &table(name, lines))
}

/// Returns the events of the table `[records.events]` with these lines.
fn events(lines: &str) -> portcullis_records::EventOptions {
    let config = config_of("records.events", lines);
    config.records.events.unwrap()
}

#[test]
fn events_are_off_without_a_subject() {
    let config = config_of("records.events", "address = true");
    assert_eq!(config.records.events, None);
    assert!(!config.records.is_on());
}

#[test]
fn events_have_a_subject_by_account_and_no_address_by_default() {
    let subject = "subject = \"logins.{account}\"";
    let least = events(subject);
    assert_eq!(least.subject.to_string(), "logins.{account}");
    assert!(!least.address && least.denials.is_none());
    let all = events(&format!("{subject}\naddress = true\ndenials = \"APP\""));
    assert!(all.address);
    assert_eq!(
        all.denials.map(|name| name.to_string()).as_deref(),
        Some("APP")
    );
    assert!(config_of("records.events", subject).records.is_on());
}

#[test]
fn a_stream_can_have_a_connection_of_its_own() {
    let lines = "subject = \"decisions\"\n[records.stream.nats]\n\
                 servers = [\"nats://hub:4222\"]\nnkey-seed-file = \"records.nk\"";
    let config = config_of("records.stream", lines);
    let nats = config.records_nats.unwrap();
    assert_eq!(nats.name, "portcullis-records");
    assert_eq!(nats.servers[0].to_string(), "nats://hub:4222");
    let shared = config_of("records.stream", "subject = \"decisions\"");
    assert_eq!(shared.records_nats, None);
}

#[rstest]
#[case(
    "subject = \"logins\"",
    "records.events.subject: `{account}` is missing: "
)]
#[case(
    "subject = \"logins.{acount}\"",
    "records.events.subject: `{acount}` is no placeholder: "
)]
#[case(
    "subject = \"$SYS.{account}\"",
    "records.events.subject: `$SYS` cannot be the first token: "
)]
#[case(
    "subject = \"logins.{account}\"\ndenials = \"NOWHERE\"",
    "records.events.denials: would tell no application: `NOWHERE` is not in `target-accounts`"
)]
#[case(
    "subject = \"logins.{account}\"\nadress = true",
    "records.events.adress: unknown key, did you mean `address`?"
)]
fn wrong_events_are_refused(#[case] lines: &str, #[case] problem: &str) {
    let found = problem_with("exchange", &table("records.events", lines));
    assert!(found.contains(problem), "{found}");
}

#[rstest]
#[case(
    "[records.stream.nats]\nnkey-seed-file = \"x\"",
    "records.stream: `nats` connects to no stream: set `subject`"
)]
#[case(
    "subject = \"d\"\n[records.stream.nats]\nmax-disconnected = \"1m\"",
    "records.stream.nats.max-disconnected: is for [nats] only: "
)]
fn a_wrong_connection_of_the_stream_is_refused(#[case] lines: &str, #[case] problem: &str) {
    let found = problem_with("exchange", &table("records.stream", lines));
    assert!(found.contains(problem), "{found}");
}
