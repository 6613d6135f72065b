//! Histograms of durations, which several threads fill.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Sample, SampleValue};

/// A histogram of durations. Adding one takes two atomic additions and no lock.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds of the buckets, in microseconds and in ascending order.
    bounds: &'static [u64],
    nanoseconds: AtomicU64,
    /// The number of durations in each bucket. The last bucket is for durations above all bounds.
    buckets: Box<[AtomicU64]>,
}

impl Histogram {
    /// Returns an empty histogram. `bounds` are the upper bounds of its buckets, in microseconds
    /// and in ascending order.
    pub fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            nanoseconds: AtomicU64::new(0),
            buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Adds a duration.
    pub fn add(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        let above = self
            .bounds
            .partition_point(|bound| u128::from(*bound) < took.as_micros());
        if let Some(bucket) = self.buckets.get(above) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the sum of all durations.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Returns the mean of all durations. Zero without any.
    pub fn mean(&self) -> Duration {
        let count: u64 = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed))
            .sum();
        let nanoseconds = self.nanoseconds.load(Ordering::Relaxed);
        Duration::from_nanos(nanoseconds.checked_div(count).unwrap_or(0))
    }

    /// Returns the histogram as a sample, in seconds.
    pub fn sample(&self, name: &'static str, help: &'static str) -> Sample {
        let bounds = self
            .bounds
            .iter()
            .map(|bound| Duration::from_micros(*bound).as_secs_f64())
            .chain([f64::INFINITY]);
        let counts = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed));
        Sample {
            name,
            help,
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
        let histogram = Histogram::new(&[250, 1_000, 2_500, 500_000, 5_000_000]);
        for milliseconds in [0, 1, 2, 300, 3_000, 6_000] {
            histogram.add(Duration::from_millis(milliseconds));
        }
        let SampleValue::Histogram { buckets, sum } = histogram.sample("a", "b").value else {
            panic!("not a histogram")
        };
        assert_eq!(
            buckets,
            [
                (0.000_25, 1),
                (0.001, 1),
                (0.002_5, 1),
                (0.5, 1),
                (5.0, 1),
                (f64::INFINITY, 1)
            ]
        );
        assert!((sum - 9.303).abs() < 1e-9, "{sum}");
        assert_eq!(histogram.mean(), histogram.total() / 6);
    }

    #[test]
    fn an_empty_histogram_has_no_mean() {
        assert_eq!(Histogram::new(&[1]).mean(), Duration::ZERO);
    }
}
