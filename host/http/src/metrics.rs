//! Metrics as text: `OpenMetrics` for clients that accept it, otherwise the classic format of
//! Prometheus.

use std::fmt;

use portcullis_core::{Sample, SampleValue};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// Metrics as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsText {
    /// The value of the header `Content-Type`.
    pub media_type: &'static str,
    /// The text.
    pub text: String,
}

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// The text format of Prometheus, version 0.0.4.
    Classic,
}

impl MetricsText {
    /// Renders samples in the format that the header `Accept` of a request selects: `OpenMetrics`
    /// if it names that, otherwise the text format of Prometheus.
    ///
    /// # Errors
    ///
    /// Fails if the library refuses a sample.
    pub fn render(samples: Vec<Sample>, accept: Option<&str>) -> Result<Self, fmt::Error> {
        let format = Format::accepted(accept);
        Ok(Self {
            media_type: format.media_type(),
            text: render(samples, format)?,
        })
    }
}

impl Format {
    /// Returns the format that the header `Accept` selects: `OpenMetrics` if it is named with at
    /// least the weight of plain text.
    fn accepted(accept: Option<&str>) -> Self {
        let ranges = || accept.unwrap_or_default().split(',').map(weighed);
        let weight = |wanted: &str| {
            let named = ranges().filter(|(range, _)| range.eq_ignore_ascii_case(wanted));
            named.map(|(_, weight)| weight).reduce(f32::max)
        };
        let open = weight("application/openmetrics-text").unwrap_or(0.0);
        if open > 0.0 && open >= weight("text/plain").unwrap_or(0.0) {
            Self::OpenMetrics
        } else {
            Self::Classic
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Returns a media range of `Accept` with its weight. An unreadable weight counts as 0.
fn weighed(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (
        name,
        weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)),
    )
}

/// Prefix of every name.
const PREFIX: &str = "portcullis";

/// Returns the samples as text.
fn render(samples: Vec<Sample>, format: Format) -> Result<String, fmt::Error> {
    let counters = match format {
        Format::OpenMetrics => Vec::new(),
        Format::Classic => counters(&samples),
    };
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Samples(samples)));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(match format {
        Format::OpenMetrics => text,
        Format::Classic => classic(&text, &counters),
    })
}

/// Returns the names of counters, with the prefix.
fn counters(samples: &[Sample]) -> Vec<String> {
    let counters = samples
        .iter()
        .filter(|sample| matches!(sample.value, SampleValue::Counter(_)));
    let mut names: Vec<_> = counters
        .map(|sample| format!("{PREFIX}_{}", sample.name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Converts `OpenMetrics` to the classic format. There, a counter is described under the name of
/// its samples, and the text has no end mark. Otherwise, the formats are equal for texts without
/// special escapes, such as those of the host.
fn classic(text: &str, counters: &[String]) -> String {
    let mut lines = String::with_capacity(text.len().saturating_add(counters.len() * 16));
    for line in text.lines().filter(|line| *line != "# EOF") {
        let mut parts = line.splitn(4, ' ');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("#"), Some(word @ ("HELP" | "TYPE")), Some(name), Some(rest))
                if counters
                    .binary_search_by(|other| other.as_str().cmp(name))
                    .is_ok() =>
            {
                lines.extend(["# ", word, " ", name, "_total ", rest, "\n"]);
            }
            _ => {
                lines.push_str(line);
                lines.push('\n');
            }
        }
    }
    lines
}

#[derive(Debug)]
struct Samples(Vec<Sample>);

impl Samples {
    /// Returns each name once, in the order of its first sample.
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

    fn samples() -> Vec<Sample> {
        let sample = |count, connection| {
            Sample::counter("nats_reconnects", "How often", count).with("connection", connection)
        };
        let buckets = vec![(0.1, 3), (1.0, 1), (f64::INFINITY, 1)];
        vec![
            sample(3, "a"),
            Sample::gauge("ready", "Whether", 1.0),
            sample(4, "b \"quoted\""),
            Sample {
                name: "seconds",
                help: "How long",
                labels: Vec::new(),
                value: SampleValue::Histogram { buckets, sum: 2.5 },
            },
        ]
    }

    #[test]
    fn samples_of_one_name_stand_together_under_one_description() {
        insta::assert_snapshot!(render(samples(), Format::OpenMetrics).unwrap(), @r#"
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

    #[test]
    fn a_classic_reader_finds_the_samples_of_a_counter_under_its_description() {
        insta::assert_snapshot!(render(samples(), Format::Classic).unwrap(), @r#"
        # HELP portcullis_nats_reconnects_total How often
        # TYPE portcullis_nats_reconnects_total counter
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
        "#);
    }

    #[test]
    fn open_metrics_are_for_clients_that_accept_them() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for accept in [
            prometheus,
            "application/openmetrics-text",
            "text/plain,application/OpenMetrics-Text",
        ] {
            assert_eq!(
                Format::accepted(Some(accept)),
                Format::OpenMetrics,
                "{accept}"
            );
        }
        for accept in [
            "*/*",
            "",
            "text/plain",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.1, text/plain",
            "application/openmetrics-text;q=much",
        ] {
            assert_eq!(Format::accepted(Some(accept)), Format::Classic, "{accept}");
        }
        assert_eq!(Format::accepted(None), Format::Classic);
    }
}
