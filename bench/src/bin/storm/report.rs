//! The measurements, as rows.

use anyhow::{Context, Result};
use portcullis_bench::{Row, Spread};

use crate::comeback::Comeback;

/// The prefix of the names of these rows.
const MAX_STORM: &str = "storm: largest without a refusal, ";
/// The minimum ratio of our largest storm to that of the reference.
const BAR: f64 = 1.3;

/// All measurements, by contender.
#[derive(Default)]
pub(crate) struct Measured {
    largest: Vec<(String, Vec<f64>)>,
    came_back: Vec<(String, Vec<Comeback>)>,
}

/// A reported number of a restart: name, unit and getter.
type Told = (&'static str, &'static str, fn(&Comeback) -> f64);
const TOLD: [Told; 5] = [
    ("until half are in", "s", |comeback| comeback.half),
    ("until all are in", "s", |comeback| comeback.seconds),
    ("refusals", "", |comeback| f64::from(comeback.refused)),
    ("shed by our host", "", |comeback| f64::from(comeback.shed)),
    ("decided too late by our host", "", |comeback| {
        f64::from(comeback.late)
    }),
];

impl Measured {
    pub(crate) fn largest(&mut self, name: &str, clients: usize) {
        let clients = u32::try_from(clients).unwrap_or(u32::MAX);
        add(&mut self.largest, name.to_owned(), f64::from(clients));
    }

    pub(crate) fn came_back(&mut self, name: &str, sheds: bool, comeback: Comeback) {
        let without = if sheds { "" } else { " without shedding" };
        add(&mut self.came_back, format!("{name}{without}"), comeback);
    }

    /// Returns all measurements as rows.
    pub(crate) fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (name, clients) in &self.largest {
            let name = format!("{MAX_STORM}{name}");
            rows.push(row(name, clients.clone(), "clients")?);
        }
        let ours = rows.first().context("our host was not measured")?;
        let reference = format!("{MAX_STORM}callout.go");
        let peers: Vec<_> = rows
            .iter()
            .filter(|row| row.name.starts_with(&reference))
            .collect();
        let default = *peers.first().context("callout.go was not measured")?;
        let best = peers
            .iter()
            .max_by(|one, other| one.value.total_cmp(&other.value));
        let named = |whom| ours.named(format!("{}, compared with its {whom}", ours.name));
        let bars = [
            named("default").at_least(default, BAR),
            named("best setting").at_least(best.copied().unwrap_or(default), BAR),
        ];
        rows.extend(bars);
        for (name, comebacks) in &self.came_back {
            let ours = name.starts_with("portcullis");
            for (what, unit, told) in TOLD {
                if what.ends_with("our host") && !ours {
                    continue;
                }
                let name = format!("comeback of 5000: {what}, {name}");
                rows.push(row(name, comebacks.iter().map(told).collect(), unit)?);
            }
        }
        Ok(rows)
    }
}

/// Adds a measurement of `whom`.
fn add<K: PartialEq, V>(measured: &mut Vec<(K, Vec<V>)>, whom: K, value: V) {
    match measured.iter_mut().find(|(known, _)| *known == whom) {
        Some((_, values)) => values.push(value),
        None => measured.push((whom, vec![value])),
    }
}

fn row(name: String, values: Vec<f64>, unit: &'static str) -> Result<Row> {
    let spread = Spread::of(values).context("nothing was measured")?;
    Ok(Row::new(name, spread, unit))
}
