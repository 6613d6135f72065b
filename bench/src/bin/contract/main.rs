//! Measures the cost of passing facts and permits between host and policy. Three contracts with the
//! same decision are measured side by side in one run.
//!
//! `cargo xtask bench contract` builds what the program needs.
//!
//! - [`asked`]: the present contract, `wit/policy.wit`. The policy asks for facts and builds a
//!   permit in the host.
//! - [`record`]: one record in, one record out.
//! - [`json`]: one JSON text in, one JSON text out.
//!
//! All three run on the engine that policies run on, with hosts that only pass the facts.

mod asked;
mod json;
pub mod login;
mod record;
mod shape;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use portcullis_bench::{Row, Spread, Work, in_turns, json_file, print, table, write_json};
use portcullis_engine::{Engine, EngineOptions, measure};
use portcullis_identity::PasswordVerifier;

use crate::asked::Asked;
use crate::json::Json;
use crate::login::{Login, Verdict};
use crate::record::Record;
use crate::shape::{Guests, Instance, Shape, failure};

/// The measurements of one contract with one login.
struct Line {
    case: &'static str,
    shape: &'static str,
    fresh: Spread,
    reused: Spread,
}

impl Line {
    /// Returns the line as rows.
    fn rows(&self) -> [Row; 2] {
        let row = |instance: &str, spread| {
            let name = format!("{}, {}, {instance} instance", self.case, self.shape);
            Row::time(name, spread)
        };
        [row("fresh", self.fresh), row("reused", self.reused)]
    }
}

fn main() -> Result<()> {
    let json = json_file()?;
    let options = EngineOptions {
        max_concurrent: 64,
        ..EngineOptions::default()
    };
    let engine = Engine::new(options, Arc::new(PasswordVerifier::default()))?;
    let guests = Guests::new(measure::wasmtime(&engine));
    let three: Asked = guests.load("contract_asked_three")?;
    let everything: Asked = guests.load("contract_asked_everything")?;
    let record: Record = guests.load("contract_record")?;
    let json_everything: Json = guests.load("contract_json_everything")?;
    let json_three: Json = guests.load("contract_json_three")?;
    let mut cases = Cases::default();
    let logins = [
        ("small: 3 facts", Login::small()),
        ("large: 40 strings, 12 claims", Login::large()),
        ("12 roles: 25 subjects permitted", Login::with_roles()),
    ];
    for (case, login) in logins {
        let login = Arc::new(login);
        let verdict = login.verdict();
        let mut add = Adding {
            cases: &mut cases,
            case,
            login: &login,
            verdict: &verdict,
        };
        add.shape("(a) asked, 3 facts", &three)?;
        // The small login consists of the three facts, so asking for everything would measure the
        // same.
        if login.is_large() {
            add.shape("(a) asked, everything", &everything)?;
        }
        add.shape("(b) record", &record)?;
        add.shape("(c) JSON, everything read", &json_everything)?;
        if login.is_large() {
            add.shape("(c) JSON, 3 facts read", &json_three)?;
        }
    }
    let lines = cases.measure()?;
    print(&markdown(&lines))?;
    let rows: Vec<_> = lines.iter().flat_map(Line::rows).collect();
    json.map_or(Ok(()), |file| write_json(&file, &rows))
}

/// The cases to measure. Each case and shape has one work with fresh instances and one with a
/// reused instance.
#[derive(Default)]
struct Cases<'shapes> {
    labels: Vec<(&'static str, &'static str)>,
    works: Vec<Work<'shapes>>,
}

/// A helper that adds the shapes of one case.
struct Adding<'cases, 'shapes, 'login> {
    cases: &'cases mut Cases<'shapes>,
    case: &'static str,
    login: &'login Arc<Login>,
    verdict: &'login Verdict,
}

impl<'shapes> Adding<'_, 'shapes, '_> {
    fn shape<S: Shape>(&mut self, name: &'static str, shape: &'shapes S) -> Result<()> {
        let login = Arc::clone(self.login);
        let fresh = move || {
            let verdict = shape
                .start(&login)
                .and_then(|mut instance| instance.decide());
            verdict.map_err(failure)
        };
        let mut instance = shape.start(self.login).map_err(failure)?;
        let mut reused = move || instance.decide().map_err(failure);
        for verdict in [fresh()?, reused()?] {
            ensure!(verdict == *self.verdict, "{name} decides {verdict:?}");
        }
        self.cases.labels.push((self.case, name));
        self.cases.works.push(Work::new(name, fresh));
        self.cases.works.push(Work::new(name, reused));
        Ok(())
    }
}

impl Cases<'_> {
    fn measure(mut self) -> Result<Vec<Line>> {
        let mut spreads = in_turns(&mut self.works)?.into_iter();
        let mut lines = Vec::with_capacity(self.labels.len());
        for (case, shape) in self.labels {
            lines.push(Line {
                case,
                shape,
                fresh: spreads.next().context("no result")?,
                reused: spreads.next().context("no result")?,
            });
        }
        Ok(lines)
    }
}

/// Renders the lines, with their ratios to the first line of their case.
fn markdown(lines: &[Line]) -> String {
    let headers = [
        "login",
        "contract",
        "fresh instance, µs",
        "to (a)",
        "reused, µs",
        "to (a)",
    ];
    let row = |line: &Line| {
        let first = lines.iter().find(|first| first.case == line.case);
        let (fresh, reused) = first.map_or((line.fresh, line.reused), |first| {
            (first.fresh, first.reused)
        });
        vec![
            line.case.to_owned(),
            line.shape.to_owned(),
            line.fresh.to_string(),
            format!("{:.2}", line.fresh.median / fresh.median),
            line.reused.to_string(),
            format!("{:.2}", line.reused.median / reused.median),
        ]
    };
    table(&headers, &lines.iter().map(row).collect::<Vec<_>>())
}
