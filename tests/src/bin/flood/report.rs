//! What was measured, and how it is told.

use anyhow::{Context, Result};
use portcullis_bench::{Row, Spread, table};
use portcullis_tests::Peer;

use crate::flooded::Round;

/// How many requests at once the bars are for.
const HELD: usize = 64;
/// The most processor time a decision may take, beside that of the reference.
const PROCESSOR_BAR: f64 = 0.4;
/// The least decisions a second, beside the reference as it is by default.
const RATE_BAR: f64 = 4.0;
/// The same beside its best setting.
const BEST_RATE_BAR: f64 = 2.25;
/// The most that the 99th percentile may be, beside the reference's best.
const P99_BAR: f64 = 0.5;

/// All rounds, in the order in which contenders and numbers of requests at once first came.
pub(crate) struct Measured {
    encrypts: bool,
    cells: Vec<Cell>,
}

/// One contender with one number of requests at once.
struct Cell {
    peer: Peer,
    at_once: usize,
    rounds: Vec<Round>,
}

/// What a row is about.
#[derive(Clone, Copy)]
struct Metric {
    name: &'static str,
    unit: &'static str,
    of: fn(&Round) -> f64,
}

const RATE: Metric = Metric {
    name: "decisions",
    unit: "1/s",
    of: |round| round.per_second,
};
const PROCESSOR: Metric = Metric {
    name: "processor time of a decision",
    unit: "µs",
    of: |round| round.processor,
};
const SERVER: Metric = Metric {
    name: "processor time of the server for it",
    unit: "µs",
    of: |round| round.server,
};
const P50: Metric = Metric {
    name: "p50",
    unit: "ms",
    of: |round| round.p50,
};
const P99: Metric = Metric {
    name: "p99",
    unit: "ms",
    of: |round| round.p99,
};
const METRICS: [Metric; 5] = [RATE, PROCESSOR, SERVER, P50, P99];

impl Measured {
    pub(crate) const fn new(encrypts: bool) -> Self {
        let cells = Vec::new();
        Self { encrypts, cells }
    }

    pub(crate) fn add(&mut self, peer: Peer, at_once: usize, round: Round) {
        let is_it = |cell: &&mut Cell| cell.peer == peer && cell.at_once == at_once;
        match self.cells.iter_mut().find(is_it) {
            Some(cell) => cell.rounds.push(round),
            None => self.cells.push(Cell {
                peer,
                at_once,
                rounds: vec![round],
            }),
        }
    }

    /// Everything, for people.
    pub(crate) fn tables(&self) -> Result<String> {
        let how = if self.encrypts {
            "encrypted"
        } else {
            "in the clear"
        };
        let mut headers = vec!["at once", "who answers", "wrong answers"];
        let named: Vec<_> = METRICS
            .iter()
            .map(|metric| format!("{}, {}", metric.name, metric.unit))
            .collect();
        headers.extend(named.iter().map(String::as_str));
        let mut lines = Vec::new();
        for cell in &self.cells {
            let mut line = vec![
                cell.at_once.to_string(),
                cell.peer.to_string(),
                cell.wrong().to_string(),
            ];
            for metric in METRICS {
                line.push(cell.spread(metric)?.to_string());
            }
            lines.push(line);
        }
        let bars: Vec<_> = self.bars()?.iter().map(Row::cells).collect();
        Ok(format!(
            "requests {how}, median (p10–p90) of rounds\n\n{}\n{}",
            table(&headers, &lines),
            table(&Row::HEADERS, &bars)
        ))
    }

    /// Everything, as rows; those with bars last.
    pub(crate) fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for cell in &self.cells {
            for metric in METRICS {
                rows.push(self.row(cell, metric)?);
            }
        }
        rows.extend(self.bars()?);
        Ok(rows)
    }

    fn row(&self, cell: &Cell, metric: Metric) -> Result<Row> {
        let xkey = if self.encrypts { " with xkey" } else { "" };
        let name = format!(
            "flood{xkey}, {} at once: {}, {}",
            cell.at_once, metric.name, cell.peer
        );
        let row = Row::new(name, cell.spread(metric)?, metric.unit);
        Ok(row.with_wrong_answers(cell.wrong()))
    }

    fn bars(&self) -> Result<Vec<Row>> {
        let of = |metric| {
            let held = self.cells.iter().filter(|cell| cell.at_once == HELD);
            let (ours, peers): (Vec<_>, Vec<_>) =
                held.partition(|cell| cell.peer == Peer::Portcullis);
            let ours = ours.first().context("our host was not measured")?;
            let peers = peers.into_iter().map(|cell| self.row(cell, metric));
            let peers: Vec<_> = peers.collect::<Result<_>>()?;
            Ok::<_, anyhow::Error>((self.row(ours, metric)?, ours.wrong(), peers))
        };
        let (rate, wrong, peers) = of(RATE)?;
        let default = peers.first().context("callout.go was not measured")?;
        let best = peers
            .iter()
            .max_by(|one, other| one.value.total_cmp(&other.value));
        let best = best.unwrap_or(default);
        let (processor, _, peers) = of(PROCESSOR)?;
        let cheapest = least(&peers)?;
        let (p99, _, peers) = of(P99)?;
        let quickest = least(&peers)?;
        let beside = |row: &Row, whom| row.named(format!("{} (bar: {whom})", row.name));
        let bars = [
            beside(&processor, "its cheapest setting").beside(cheapest, Some(PROCESSOR_BAR)),
            beside(&rate, "its default").at_least(default, RATE_BAR),
            beside(&rate, "its best setting").at_least(best, BEST_RATE_BAR),
            beside(&p99, "its best setting").beside(quickest, Some(P99_BAR)),
        ];
        let bars = bars.map(|mut row| {
            row.pass = row.pass.map(|pass| pass && wrong == 0);
            row
        });
        Ok(bars.into())
    }
}

impl Cell {
    fn spread(&self, metric: Metric) -> Result<Spread> {
        let values = self.rounds.iter().map(metric.of).collect();
        Spread::of(values).context("nothing was measured")
    }

    fn wrong(&self) -> usize {
        self.rounds.iter().map(|round| round.wrong).sum()
    }
}

fn least(rows: &[Row]) -> Result<&Row> {
    let least = rows
        .iter()
        .min_by(|one, other| one.value.total_cmp(&other.value));
    least.context("callout.go was not measured")
}
