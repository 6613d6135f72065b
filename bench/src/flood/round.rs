//! The results of one round.

use crate::{Metric, Round};

/// The results of one round of a flood.
#[derive(Clone, Copy, Debug)]
pub struct Flooded {
    /// The number of decisions a second.
    pub per_second: f64,
    /// The processor time of the answering processes, in microseconds a decision.
    pub processor: f64,
    /// The processor time of their server, in microseconds a decision.
    pub server: f64,
    /// The median latency, in milliseconds.
    pub p50: f64,
    /// The 99th percentile of the latency, in milliseconds.
    pub p99: f64,
    /// The number of answers that are not permits, and of requests without an answer.
    pub wrong: usize,
}

impl Flooded {
    /// The rate of decisions.
    pub const RATE: Metric<Self> = Metric {
        name: "decisions",
        unit: "1/s",
        of: |round| round.per_second,
    };
    /// The processor time of a decision.
    pub const PROCESSOR: Metric<Self> = Metric {
        name: "processor time of a decision",
        unit: "µs",
        of: |round| round.processor,
    };
    /// The 99th percentile of the latency.
    pub const P99: Metric<Self> = Metric {
        name: "p99",
        unit: "ms",
        of: |round| round.p99,
    };
}

impl Round for Flooded {
    const METRICS: &'static [Metric<Self>] = &[
        Self::RATE,
        Self::PROCESSOR,
        Metric {
            name: "processor time of the server for it",
            unit: "µs",
            of: |round| round.server,
        },
        Metric {
            name: "p50",
            unit: "ms",
            of: |round| round.p50,
        },
        Self::P99,
    ];

    fn wrong(&self) -> usize {
        self.wrong
    }
}
