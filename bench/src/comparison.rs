//! Comparisons of contenders: the results of each, round by round, as tables and rows.

use crate::{Peer, Row, Spread, table};
use anyhow::{Context, Result};

/// The result of one round of one contender.
pub trait Round: Sized + 'static {
    /// The metrics of a round, in the order of the table.
    const METRICS: &'static [Metric<Self>];

    /// Returns the number of wrong answers. A single one fails every bar.
    fn wrong(&self) -> usize;
}

/// A number that every round has.
#[derive(Debug)]
pub struct Metric<R> {
    /// The name of the metric.
    pub name: &'static str,
    /// The unit of the metric.
    pub unit: &'static str,
    /// The function that reads the metric from a round.
    pub of: fn(&R) -> f64,
}

/// All rounds, in the order in which contenders and concurrencies were first added.
#[derive(Debug)]
pub struct Comparison<R> {
    subject: String,
    cells: Vec<Cell<R>>,
}

#[derive(Debug)]
struct Cell<R> {
    peer: Peer,
    at_once: usize,
    rounds: Vec<R>,
}

impl<R: Round> Comparison<R> {
    /// Creates an empty comparison. The names of its rows begin with `subject`.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            cells: Vec::new(),
        }
    }

    /// Adds a round of `peer`, with `at_once` concurrent requests or clients.
    pub fn add(&mut self, peer: Peer, at_once: usize, round: R) {
        let is_it = |cell: &&mut Cell<R>| cell.peer == peer && cell.at_once == at_once;
        match self.cells.iter_mut().find(is_it) {
            Some(cell) => cell.rounds.push(round),
            None => self.cells.push(Cell {
                peer,
                at_once,
                rounds: vec![round],
            }),
        }
    }

    /// Returns all results as a table for readers.
    ///
    /// # Errors
    ///
    /// Fails if a cell has no rounds.
    pub fn table(&self) -> Result<String> {
        let named = R::METRICS.iter();
        let named: Vec<_> = named
            .map(|metric| [metric.name, metric.unit].join(", "))
            .collect();
        let mut headers = vec!["at once", "who answers", "wrong"];
        headers.extend(named.iter().map(|name| name.trim_end_matches(", ")));
        let mut lines = Vec::new();
        for cell in &self.cells {
            let mut line = vec![cell.at_once.to_string(), cell.peer.to_string()];
            line.push(cell.wrong().to_string());
            for metric in R::METRICS {
                line.push(cell.spread(metric)?.to_string());
            }
            lines.push(line);
        }
        let subject = &self.subject;
        let table = table(&headers, &lines);
        Ok(format!("{subject}: median (p10–p90) of rounds\n\n{table}"))
    }

    /// Returns all results as rows.
    ///
    /// # Errors
    ///
    /// Fails if a cell has no rounds.
    pub fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for cell in &self.cells {
            for metric in R::METRICS {
                rows.push(self.told(cell, metric)?);
            }
            rows.push(self.wrong_answers(cell)?);
        }
        Ok(rows)
    }

    /// Returns a single row.
    ///
    /// # Errors
    ///
    /// Fails if the row was not measured.
    pub fn row(&self, peer: Peer, at_once: usize, metric: &Metric<R>) -> Result<Row> {
        let is_it = |cell: &&Cell<R>| cell.peer == peer && cell.at_once == at_once;
        let cell = self.cells.iter().find(is_it);
        let cell = cell.with_context(|| format!("{peer} was not measured"))?;
        self.told(cell, metric)
    }

    /// Returns our row and two of the reference callout: with its default settings, and with the
    /// settings that are best for it. The best row has the largest value if `most`, else the
    /// smallest.
    ///
    /// # Errors
    ///
    /// Fails if one of them was not measured.
    pub fn compared_with_reference(
        &self,
        at_once: usize,
        metric: &Metric<R>,
        most: bool,
    ) -> Result<ComparedRows> {
        let mut best = self.row(Peer::CALLOUT_GO, at_once, metric)?;
        let default = best.clone();
        for cell in self.cells.iter().filter(|cell| cell.at_once == at_once) {
            if matches!(cell.peer, Peer::CalloutGo { .. }) {
                let row = self.told(cell, metric)?;
                if (row.value > best.value) == most {
                    best = row;
                }
            }
        }
        let ours = self.row(Peer::Portcullis, at_once, metric)?;
        Ok(ComparedRows {
            ours,
            default,
            best,
        })
    }

    /// Returns the number of wrong answers of all rounds, with a bar of zero. A reader can thus
    /// distinguish a failure by wrong answers from a missed bar.
    fn wrong_answers(&self, cell: &Cell<R>) -> Result<Row> {
        let (subject, at_once, peer) = (&self.subject, cell.at_once, cell.peer);
        let name = format!("{subject}, {at_once} at once: wrong answers, {peer}");
        let wrong = u32::try_from(cell.wrong()).map_or(f64::INFINITY, f64::from);
        let spread = Spread::of(vec![wrong]).context("nothing was measured")?;
        Ok(Row::new(name, spread, "").at_most(0.0))
    }

    fn told(&self, cell: &Cell<R>, metric: &Metric<R>) -> Result<Row> {
        let (subject, at_once, peer) = (&self.subject, cell.at_once, cell.peer);
        let name = format!("{subject}, {at_once} at once: {}, {peer}", metric.name);
        let row = Row::new(name, cell.spread(metric)?, metric.unit);
        Ok(row.with_wrong_answers(cell.wrong()))
    }
}

/// Our row, and the rows that it is compared with.
#[derive(Debug)]
pub struct ComparedRows {
    /// Our row.
    pub ours: Row,
    /// The row of the reference callout with its default settings.
    pub default: Row,
    /// The row of the reference callout with its best settings.
    pub best: Row,
}

impl<R: Round> Cell<R> {
    fn spread(&self, metric: &Metric<R>) -> Result<Spread> {
        let values = self.rounds.iter().map(metric.of).collect();
        Spread::of(values).context("nothing was measured")
    }

    fn wrong(&self) -> usize {
        self.rounds.iter().map(Round::wrong).sum()
    }
}

/// Returns the time that `percent` of `times` do not exceed, in milliseconds; zero if `times` is
/// empty.
pub fn percentile(mut times: Vec<std::time::Duration>, percent: usize) -> f64 {
    times.sort();
    let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Took(f64, usize);

    impl Round for Took {
        const METRICS: &'static [Metric<Self>] = &[Metric {
            name: "took",
            unit: "ms",
            of: |round| round.0,
        }];

        fn wrong(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn the_best_is_of_the_reference_and_as_asked() {
        let mut comparison = Comparison::new("test");
        for (peer, took) in Peer::ALL.into_iter().zip([1.0, 5.0, 7.0, 3.0]) {
            comparison.add(peer, 8, Took(took, 0));
        }
        for (most, expected) in [(true, "7"), (false, "3")] {
            let [metric] = Took::METRICS else {
                panic!("one metric")
            };
            let compared = comparison.compared_with_reference(8, metric, most).unwrap();
            let values = [&compared.ours, &compared.default, &compared.best]
                .map(|row| row.value.to_string());
            assert_eq!(values, ["1", "5", expected]);
        }
    }

    #[test]
    fn what_went_wrong_in_any_round_is_told() {
        let mut comparison = Comparison::new("test");
        comparison.add(Peer::Portcullis, 8, Took(1.0, 0));
        comparison.add(Peer::Portcullis, 8, Took(2.0, 3));
        let rows = comparison.rows().unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.name.as_str(), row.value, row.pass))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "test, 8 at once: took, portcullis (3 wrong answers)",
                    1.0,
                    Some(false)
                ),
                (
                    "test, 8 at once: wrong answers, portcullis",
                    3.0,
                    Some(false)
                ),
            ]
        );
    }

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let times: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert!((percentile(times.clone(), 50) - 100.0).abs() < 1e-9);
        assert!((percentile(times, 99) - 198.0).abs() < 1e-9);
        assert!(percentile(Vec::new(), 50).abs() < 1e-9);
    }
}
