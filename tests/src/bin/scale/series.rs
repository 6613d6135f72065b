//! The series: what there is more and more of, and what that may cost.

use portcullis_bench::Row;
use portcullis_tests::{Flooded, Metric};

use crate::shape::{Policy, Shape};

/// What is measured twice is this far apart at most.
const TOLERANCE: f64 = 0.05;
/// The most that may be added to the processor time of a decision where there is more of what it does not need.
const FLAT: f64 = 1.2;

/// Shapes that differ in one thing, the least of it first.
pub(crate) struct Series {
    /// What there is more of.
    pub(crate) of: &'static str,
    /// How many there are, and the shape.
    pub(crate) shapes: Vec<(usize, Shape)>,
    /// What the others are held to, beside the first.
    pub(crate) bar: Bar,
}

/// What a series is held to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// No slower than the first: decisions a second and processor time of a decision, but for [`TOLERANCE`].
    NoSlower,
    /// The processor time of a decision stays below [`FLAT`] times that of the first.
    Flat,
    /// It is only told.
    None,
}

impl Series {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let shape = Shape::default();
        let of = |of, numbers: &[usize], bar, make: &dyn Fn(usize) -> Shape| Self {
            of,
            shapes: numbers
                .iter()
                .map(|number| (*number, make(*number)))
                .collect(),
            bar,
        };
        vec![
            of(
                "service connections",
                &[1, 2, 4, 8],
                Bar::NoSlower,
                &|connections| Shape {
                    connections,
                    ..shape
                },
            ),
            of("worker threads", &[1, 2, 4], Bar::None, &|threads| Shape {
                threads: Some(threads),
                ..shape
            }),
            of("hosts", &[1, 2], Bar::NoSlower, &|hosts| Shape {
                hosts,
                ..shape
            }),
            of("policies", &[1, 100, 500], Bar::Flat, &|policies| Shape {
                policies,
                ..shape
            }),
            of("users", &[10, 1_000, 100_000], Bar::Flat, &|users| Shape {
                policy: Policy::Users(users),
                ..shape
            }),
            of("roles", &[10, 1_000, 100_000], Bar::Flat, &|roles| Shape {
                policy: Policy::Roles(roles),
                ..shape
            }),
        ]
    }
}

impl Bar {
    /// A row of a later shape, beside that of the first.
    pub(crate) fn hold(self, row: Row, first: &Row, metric: &Metric<Flooded>) -> Row {
        let rate = metric.name == Flooded::RATE.name;
        let processor = metric.name == Flooded::PROCESSOR.name;
        match self {
            Self::NoSlower if rate => row.at_least(first, 1.0 - TOLERANCE),
            Self::NoSlower if processor => row.beside(first, Some(1.0 + TOLERANCE)),
            Self::Flat if processor => row.beside(first, Some(FLAT)),
            _ => row.beside(first, None),
        }
    }
}
