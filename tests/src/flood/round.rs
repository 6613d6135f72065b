//! What came of one round.

use crate::{Metric, Round};

/// What came of one round of a flood.
#[derive(Clone, Copy, Debug)]
pub struct Flooded {
    /// Decisions a second.
    pub per_second: f64,
    /// Of those who answer, in microseconds of processor a decision.
    pub processor: f64,
    /// The same of their server.
    pub server: f64,
    /// How long half of the answers take at most, in milliseconds.
    pub p50: f64,
    /// How long nearly all answers take at most, in milliseconds.
    pub p99: f64,
    /// Answers that are no permits, and requests without an answer.
    pub wrong: usize,
}

impl Flooded {
    /// Decisions a second.
    pub const RATE: Metric<Self> = Metric {
        name: "decisions",
        unit: "1/s",
        of: |round| round.per_second,
    };
    /// What a decision takes of the processors.
    pub const PROCESSOR: Metric<Self> = Metric {
        name: "processor time of a decision",
        unit: "µs",
        of: |round| round.processor,
    };
    /// How long nearly all answers take at most.
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
