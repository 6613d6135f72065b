//! Numbers that describe a running service, in no format of an exporter.

/// One number, and what it measures. The exporter of samples decides on the format.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What is measured, in lower case with underscores, unit last; without the name of the product before it and
    /// the `_total` after it that some formats add.
    pub name: &'static str,
    /// What is measured, in a sentence without a period. The same for all samples of a name.
    pub help: &'static str,
    /// What tells it from other samples of the same name.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: SampleValue,
}

/// A number, by the way it may change. The same kind for all samples of a name.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// Only grows, from zero at the start of the process.
    Counter(u64),
    /// Goes up and down.
    Gauge(f64),
    /// How often something was how large.
    Histogram {
        /// Upper bounds, growing, and how many observations are above the bound before and not above this one. What is above
        /// the last bound goes to the bound `f64::INFINITY`.
        buckets: Vec<(f64, u64)>,
        /// All observations added up.
        sum: f64,
    },
}

impl Sample {
    /// A counter without labels.
    pub const fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self {
            name,
            help,
            labels: Vec::new(),
            value: SampleValue::Counter(value),
        }
    }

    /// A gauge without labels.
    pub const fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self {
            name,
            help,
            labels: Vec::new(),
            value: SampleValue::Gauge(value),
        }
    }

    /// A gauge of a whole number, without labels. Beyond 32 bits it is infinite: nothing here is counted as far.
    pub fn whole(name: &'static str, help: &'static str, number: impl TryInto<u32>) -> Self {
        let value = number.try_into().map_or(f64::INFINITY, f64::from);
        Self::gauge(name, help, value)
    }

    /// The same sample with one label more.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }
}
