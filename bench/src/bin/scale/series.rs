//! The series: the varied numbers, and their bars.

use portcullis_bench::{Flooded, Metric, Row};

use crate::shape::{Policy, Shape};

/// The tolerance of a comparison that should be equal.
const TOLERANCE: f64 = 0.05;
/// The maximum ratio of a decision's processor time, for a growing number that the decision does
/// not depend on.
const FLAT: f64 = 1.2;

/// Shapes that differ in one number, with the smallest first.
pub(crate) struct Series {
    /// The name of the number.
    pub(crate) of: &'static str,
    /// The values of the number, each with its shape.
    pub(crate) shapes: Vec<(usize, Shape)>,
    /// The bar of the later shapes, compared with the first.
    pub(crate) bar: Bar,
}

/// The bar of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// No slower than the first within [`TOLERANCE`], in decisions a second and in processor time.
    NoSlower,
    /// Processor time of a decision below [`FLAT`] times that of the first.
    Flat,
    /// No bar: the result is only reported.
    None,
}

impl Series {
    /// Returns all series.
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
    /// Compares a row of a later shape with that of the first.
    pub(crate) fn hold(self, row: Row, first: &Row, metric: &Metric<Flooded>) -> Row {
        let rate = metric.name == Flooded::RATE.name;
        let processor = metric.name == Flooded::PROCESSOR.name;
        match self {
            Self::NoSlower if rate => row.at_least(first, 1.0 - TOLERANCE),
            Self::NoSlower if processor => row.compared_with(first, Some(1.0 + TOLERANCE)),
            Self::Flat if processor => row.compared_with(first, Some(FLAT)),
            _ => row.compared_with(first, None),
        }
    }
}
