//! Metrics of a running service, independent of an exporter's format.

/// A measured number and its description. The exporter of samples decides on the format.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name in lower case with underscores, with the unit last. The exporter adds the product's
    /// name in front, and a suffix such as `_total`.
    pub name: &'static str,
    /// Description in a sentence without a period. Identical for all samples of a name.
    pub help: &'static str,
    /// Labels that distinguish the sample from others of its name.
    pub labels: Vec<(&'static str, String)>,
    /// The measured number.
    pub value: SampleValue,
}

/// A number of a certain kind. All samples of a name have values of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A number that only grows, from zero at the start of the process.
    Counter(u64),
    /// A number that rises and falls.
    Gauge(f64),
    /// A distribution of observed values.
    Histogram {
        /// Upper bounds in ascending order, each with the number of observations above the previous
        /// bound and up to this one. The bound `f64::INFINITY` counts observations above all
        /// others.
        buckets: Vec<(f64, u64)>,
        /// Sum of all observed values.
        sum: f64,
    },
}

impl Sample {
    /// Returns a counter without labels.
    pub const fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self {
            name,
            help,
            labels: Vec::new(),
            value: SampleValue::Counter(value),
        }
    }

    /// Returns a gauge without labels.
    pub const fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self {
            name,
            help,
            labels: Vec::new(),
            value: SampleValue::Gauge(value),
        }
    }

    /// Returns a gauge of a whole number, without labels. The gauge is infinite beyond 32 bits,
    /// which no number here reaches.
    pub fn whole(name: &'static str, help: &'static str, number: impl TryInto<u32>) -> Self {
        let value = number.try_into().map_or(f64::INFINITY, f64::from);
        Self::gauge(name, help, value)
    }

    /// Returns the sample with one more label.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }
}
