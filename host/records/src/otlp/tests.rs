//! Tests of the collector's addresses, and of the sink against a real collector.

use std::sync::Arc;

use anyhow::Result;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use portcullis_authority::WhenRecordsFull;
use portcullis_core::Secret;
use portcullis_harness::{Collector, CollectorMode, PATIENCE, attribute};
use tokio::runtime::Handle;

use super::*;
use crate::line::fixtures::line;
use crate::sink::{self, SinkKind, SinkNumbers, Started};

fn options(collector: &Collector) -> OtlpOptions {
    OtlpOptions::new(OtlpOptions::logs_url(&collector.url()).unwrap())
}

/// Starts a sink with the thread that it has in a host.
fn start(options: OtlpOptions, when_full: WhenRecordsFull) -> Started<crate::line::Line> {
    let origin = Origin {
        name: "gate".to_owned(),
        version: "0.1.0".to_owned(),
        start: "00".to_owned(),
    };
    let (runtime, max_queued) = (Handle::current(), options.max_queued);
    let sink = |numbers| OtlpSink::<Logs>::new(options, origin, runtime, numbers);
    sink::start(SinkKind::Records("otlp"), sink, when_full, max_queued).unwrap()
}

/// Waits until the sink has lost this number of records.
async fn loses(numbers: &Arc<SinkNumbers>, number: u64) {
    let losing = async {
        while numbers.lost() < number {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, losing).await.unwrap();
    assert_eq!(numbers.lost(), number);
}

#[test]
fn an_address_is_one_of_a_collector() {
    for (text, expected) in [
        ("http://otel:4318", Ok("http://otel:4318/v1/logs")),
        ("https://otel/", Ok("https://otel/v1/logs")),
        ("https://otel/otlp/logs", Ok("https://otel/otlp/logs")),
        ("otel:4318", Err(InvalidCollector::NotUrl)),
        ("grpc://otel:4317", Err(InvalidCollector::NotUrl)),
        ("https://me:pass@otel", Err(InvalidCollector::HasPassword)),
        ("https://otel/?key=1", Err(InvalidCollector::HasQuery)),
    ] {
        let url = OtlpOptions::logs_url(text).map(String::from);
        assert_eq!(url, expected.map(str::to_owned), "{text}");
    }
    for (text, allow_http, is_private) in [
        ("https://otel", false, true),
        ("http://127.0.0.1:4318", false, true),
        ("http://localhost", false, true),
        ("http://otel", false, false),
        ("http://otel", true, true),
    ] {
        let url = OtlpOptions::logs_url(text).unwrap();
        let checked = OtlpOptions::check_privacy(&url, allow_http);
        assert_eq!(checked.is_ok(), is_private, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_records_with_their_facts_and_the_headers() -> Result<()> {
    let collector = Collector::start().await?;
    let key = Secret::new("an-api-key");
    let options = OtlpOptions {
        headers: BTreeMap::from([("x-api-key".to_owned(), key.into())]),
        ..options(&collector)
    };
    let (queue, numbers, _) = start(options, WhenRecordsFull::Drop);
    let line = line(1);
    queue.push(Arc::clone(&line));
    let logs = collector.logs(1).await?;
    let log = logs.first().unwrap();
    assert_eq!(log.event_name, "portcullis.decision");
    assert_eq!(log.severity_text, "INFO");
    assert!(log.observed_time_unix_nano > log.time_unix_nano);
    for (key, expected) in [
        ("record.id", Some("00-1")),
        ("decision", Some("deny")),
        ("denial.class", Some("policy-denied")),
        ("denial.reason", Some("no")),
        ("user_nkey", Some(line.record().user_nkey.as_str())),
        ("account", None),
    ] {
        let found = attribute(&log.attributes, key);
        assert_eq!(found.as_deref(), expected, "{key}");
    }
    let body = log.body.clone().and_then(|body| body.value);
    let json = String::from_utf8(line.json().to_vec())?;
    assert_eq!(body, Some(Value::StringValue(json)));
    let requests = collector.requests(|requests| !requests.is_empty()).await?;
    let request = requests.first().unwrap();
    assert_eq!(request.path, "/v1/logs");
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    assert_eq!(header("content-type"), Some("application/x-protobuf"));
    assert_eq!(header("x-api-key"), Some("an-api-key"));
    assert_eq!(numbers.lost(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_gets_the_records_once_it_is_back() -> Result<()> {
    let collector = Collector::start().await?;
    collector.set_mode(CollectorMode::Fails(503));
    let (queue, numbers, thread) = start(options(&collector), WhenRecordsFull::Drop);
    queue.push(line(1));
    collector.requests(|requests| !requests.is_empty()).await?;
    collector.set_mode(CollectorMode::Takes);
    // The next attempt is due in a second.
    thread.thread().unpark();
    assert_eq!(collector.logs(1).await?.len(), 1);
    assert_eq!(numbers.lost(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_costs_the_records_beyond_the_queue() -> Result<()> {
    let collector = Collector::start().await?;
    collector.set_mode(CollectorMode::Hangs);
    let options = OtlpOptions {
        max_queued: 2,
        ..options(&collector)
    };
    let (queue, numbers, thread) = start(options, WhenRecordsFull::Drop);
    queue.push(line(1));
    collector.requests(|requests| requests.len() == 1).await?;
    for number in 2..=10 {
        queue.push(line(number));
    }
    assert_eq!(numbers.lost(), 7, "two wait, and one is on its way");
    numbers.stop();
    drop(queue);
    tokio::task::spawn_blocking(move || thread.join())
        .await?
        .unwrap();
    assert_eq!(numbers.lost(), 10);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_a_collector_refuses_for_good_are_lost_and_counted() -> Result<()> {
    let collector = Collector::start().await?;
    // `Block` repeats what can succeed, and these cannot.
    let (queue, numbers, _) = start(options(&collector), WhenRecordsFull::Block);
    collector.set_mode(CollectorMode::Fails(400));
    queue.push(line(1));
    loses(&numbers, 1).await;
    collector.set_mode(CollectorMode::Refuses(1, "too old"));
    queue.push(line(2));
    loses(&numbers, 2).await;
    collector.set_mode(CollectorMode::Takes);
    queue.push(line(3));
    assert_eq!(collector.logs(2).await?.len(), 2, "the second was received");
    assert_eq!(numbers.lost(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_breaks_costs_its_records() -> Result<()> {
    let collector = Collector::start().await?;
    collector.set_mode(CollectorMode::Fails(500));
    let (queue, numbers, _) = start(options(&collector), WhenRecordsFull::Drop);
    queue.push(line(1));
    loses(&numbers, 1).await;
    let missing = SecretSource::File("/nowhere/key".into());
    let broken = OtlpOptions {
        headers: BTreeMap::from([("x-api-key".to_owned(), missing)]),
        ..options(&collector)
    };
    let (queue, numbers, _) = start(broken, WhenRecordsFull::Drop);
    queue.push(line(1));
    loses(&numbers, 1).await;
    Ok(())
}

#[test]
fn a_file_without_certificates_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("ca.pem");
    let options = OtlpOptions {
        ca_file: Some(path.clone()),
        ..OtlpOptions::new(OtlpOptions::logs_url("https://otel").unwrap())
    };
    let missing = options.check_files().unwrap_err();
    assert!(matches!(missing, CertificatesError::Unreadable { .. }));
    std::fs::write(&path, "nothing").unwrap();
    let empty = options.check_files().unwrap_err();
    assert!(matches!(empty, CertificatesError::Empty(_)));
}
