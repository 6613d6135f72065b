//! Tests of the sinks together.

use portcullis_core::RecordedVerdict;

use super::*;
use crate::line::fixtures::record;

#[tokio::test]
async fn the_records_of_the_queue_are_written_before_the_end() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("decisions.jsonl");
    let options = RecordOptions {
        file: Some(FileOptions::new(&path)),
        ..RecordOptions::default()
    };
    let sinks = RecordSinks::start(&options, None, "portcullis", "0.1.0").unwrap();
    let sinks = sinks.unwrap();
    let recorder = sinks.recorder();
    let metrics = sinks.metrics();
    for _ in 0..1000 {
        recorder.send(record(&recorder));
    }
    sinks.finish(Duration::from_mins(1)).await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 1000);
    let written = metrics().into_iter().find(|sample| {
        sample.name == "decision_records_written"
            && sample.labels.first().map(|(_, sink)| sink.as_str()) == Some("file")
    });
    let expected = portcullis_core::SampleValue::Counter(1000);
    assert_eq!(written.map(|sample| sample.value), Some(expected));
}

#[tokio::test]
async fn a_stream_without_a_connection_loses_its_own_records_only() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("decisions.jsonl");
    let options = RecordOptions {
        file: Some(FileOptions::new(&path)),
        stream: Some(StreamOptions::default()),
        ..RecordOptions::default()
    };
    let sinks = RecordSinks::start(&options, None, "portcullis", "0.1.0").unwrap();
    let sinks = sinks.unwrap();
    let recorder = sinks.recorder();
    for _ in 0..3000 {
        recorder.send(record(&recorder));
    }
    let places = sinks.numbers.sinks.clone();
    sinks.finish(Duration::from_mins(1)).await;
    assert_eq!(
        std::fs::read_to_string(&path).unwrap().lines().count(),
        3000
    );
    let lost = places.iter().map(|place| (place.name(), place.lost()));
    assert!(lost.eq([("file", 0), ("stream", 3000)]));
}

#[tokio::test]
async fn nothing_is_started_if_no_sink_is_configured() {
    let sinks = RecordSinks::start(&RecordOptions::default(), None, "portcullis", "0.1.0");
    assert!(sinks.unwrap().is_none());
}

#[tokio::test]
async fn a_function_of_the_embedding_program_receives_every_record() {
    let (sender, seen) = std::sync::mpsc::channel();
    let receiver: RecordReceiver = Box::new(move |record| {
        let _ = sender.send((record.id.clone(), record.verdict));
    });
    let options = RecordOptions::default();
    let sinks = RecordSinks::start(&options, Some(receiver), "portcullis", "0.1.0").unwrap();
    let sinks = sinks.unwrap();
    let (recorder, start) = (sinks.recorder(), sinks.start_id().to_owned());
    for _ in 0..3 {
        recorder.send(record(&recorder));
    }
    sinks.finish(Duration::from_mins(1)).await;
    let expected = (1..=3).map(|number| (format!("{start}-{number}"), RecordedVerdict::Deny));
    assert!(seen.into_iter().eq(expected));
}

#[tokio::test]
async fn the_places_that_are_not_done_at_the_stop_are_known_by_name() {
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let stuck = thread::spawn(move || {
        let _ = ended.recv();
    });
    let names = unfinished(vec![("otlp", stuck)], Duration::from_millis(1)).await;
    assert_eq!(names, ["otlp"]);
    drop(end);
    let done = vec![("file", thread::spawn(|| ()))];
    let names = unfinished(done, Duration::from_mins(1)).await;
    assert_eq!(names, [""; 0]);
}
