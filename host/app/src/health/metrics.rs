//! Samples as `OpenMetrics` text, which Prometheus reads.

use std::fmt;

use portcullis_callout::{Sample, SampleValue};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// The media type of [`render`]'s text.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What every name begins with.
const PREFIX: &str = "portcullis";

/// The samples as text.
///
/// # Errors
///
/// When the library refuses a sample.
pub(super) fn render(samples: Vec<Sample>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Samples(samples)));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Samples(Vec<Sample>);

impl Samples {
    /// Each name once, in the order of the first sample that has it.
    fn names(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for sample in &self.0 {
            if !names.contains(&sample.name) {
                names.push(sample.name);
            }
        }
        names
    }
}

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for name in self.names() {
            let mut samples = self
                .0
                .iter()
                .filter(|sample| sample.name == name)
                .peekable();
            let Some(first) = samples.peek() else {
                continue;
            };
            let mut family =
                encoder.encode_descriptor(name, first.help, None, kind(&first.value))?;
            for sample in samples {
                if sample.labels.is_empty() {
                    write(&mut family, &sample.value)?;
                } else {
                    write(&mut family.encode_family(&sample.labels)?, &sample.value)?;
                }
            }
        }
        Ok(())
    }
}

const fn kind(value: &SampleValue) -> MetricType {
    match value {
        SampleValue::Counter(_) => MetricType::Counter,
        SampleValue::Gauge(_) => MetricType::Gauge,
        SampleValue::Histogram { .. } => MetricType::Histogram,
    }
}

fn write(metric: &mut MetricEncoder<'_>, value: &SampleValue) -> Result<(), fmt::Error> {
    match value {
        SampleValue::Counter(count) => metric.encode_counter::<NoLabelSet, _, f64>(count, None),
        SampleValue::Gauge(value) => metric.encode_gauge(value),
        SampleValue::Histogram { buckets, sum } => {
            let count = buckets.iter().map(|(_, count)| count).sum();
            metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_name_stand_together_under_one_description() {
        let sample = |count, connection| {
            Sample::counter("nats_reconnects", "How often", count).with("connection", connection)
        };
        let buckets = vec![(0.1, 3), (1.0, 1), (f64::INFINITY, 1)];
        let samples = vec![
            sample(3, "a"),
            Sample::gauge("ready", "Whether", 1.0),
            sample(4, "b \"quoted\""),
            Sample {
                name: "seconds",
                help: "How long",
                labels: Vec::new(),
                value: SampleValue::Histogram { buckets, sum: 2.5 },
            },
        ];
        insta::assert_snapshot!(render(samples).unwrap(), @r#"
        # HELP portcullis_nats_reconnects How often
        # TYPE portcullis_nats_reconnects counter
        portcullis_nats_reconnects_total{connection="a"} 3
        portcullis_nats_reconnects_total{connection="b \"quoted\""} 4
        # HELP portcullis_ready Whether
        # TYPE portcullis_ready gauge
        portcullis_ready 1.0
        # HELP portcullis_seconds How long
        # TYPE portcullis_seconds histogram
        portcullis_seconds_sum 2.5
        portcullis_seconds_count 5
        portcullis_seconds_bucket{le="0.1"} 3
        portcullis_seconds_bucket{le="1.0"} 4
        portcullis_seconds_bucket{le="+Inf"} 5
        # EOF
        "#);
    }
}
