//! The histogram of the times that requests take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_core::{Sample, SampleValue};

/// The upper bounds of the buckets, in microseconds: from a decision without a password hash to the
/// longest time that a server waits.
const BOUNDS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000,
];

/// A histogram of the times from arrival to reply.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    nanoseconds: AtomicU64,
    /// The number of requests in each bucket. The last bucket is for requests above all bounds.
    buckets: [AtomicU64; BOUNDS.len() + 1],
}

impl Latency {
    pub(crate) fn add(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        let above = BOUNDS.partition_point(|bound| u128::from(*bound) < took.as_micros());
        if let Some(bucket) = self.buckets.get(above) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn total(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    pub(crate) fn mean(&self) -> Duration {
        let count: u64 = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed))
            .sum();
        let nanoseconds = self.nanoseconds.load(Ordering::Relaxed);
        Duration::from_nanos(nanoseconds.checked_div(count).unwrap_or(0))
    }

    /// Returns the histogram, in seconds.
    pub(crate) fn sample(&self) -> Sample {
        let bounds = BOUNDS
            .iter()
            .map(|bound| Duration::from_micros(*bound).as_secs_f64())
            .chain([f64::INFINITY]);
        let counts = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed));
        Sample {
            name: "decision_seconds",
            help: "Time from the arrival of a request to its reply",
            labels: Vec::new(),
            value: SampleValue::Histogram {
                buckets: bounds.zip(counts).collect(),
                sum: self.total().as_secs_f64(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_the_bucket_that_bounds_them() {
        let latency = Latency::default();
        for milliseconds in [0, 1, 2, 300, 3_000, 6_000] {
            latency.add(Duration::from_millis(milliseconds));
        }
        let SampleValue::Histogram { buckets, sum } = latency.sample().value else {
            panic!("not a histogram")
        };
        let filled: Vec<_> = buckets.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(
            filled,
            [
                &(0.000_25, 1),
                &(0.001, 1),
                &(0.002_5, 1),
                &(0.5, 1),
                &(5.0, 1),
                &(f64::INFINITY, 1)
            ]
        );
        assert!((sum - 9.303).abs() < 1e-9, "{sum}");
        assert_eq!(latency.mean(), latency.total() / 6);
    }
}
