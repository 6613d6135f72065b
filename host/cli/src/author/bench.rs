//! `portcullis policy bench`: measures the decisions of a policy over its tests.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use portcullis_catalog::{MeasuredDecision, MeasuredPolicy, Prover, measure_module};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use super::crate_build;
use super::options;
use crate::check::idle_engine;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Output, render_json};

/// The cost of one decision.
struct Cost {
    /// Decisions a second, one after the other.
    rate: f64,
    median: Duration,
    /// Time that 99 of 100 decisions do not exceed.
    p99: Duration,
    /// Number of measured decisions.
    count: usize,
}

/// Measures the decisions of the policy at `path`, a module or the folder of a crate, for `span`.
/// `prover` loads the policy.
///
/// # Errors
///
/// Fails if the policy does not exist, has no tests or fails one, or if the crate does not compile.
pub(crate) fn bench(
    path: &Path,
    span: Duration,
    json: bool,
    prover: &Prover,
) -> Result<Output, Failure> {
    let module = crate_build::require_module(path)?;
    let bad = |error: anyhow::Error| Failure::new(ExitCode::BadPolicies, error);
    let measured = measure_module(
        &idle_engine(None)?,
        &options(Path::new("."), prover),
        &module,
        span,
    );
    let measured = measured.map_err(|error| bad(error.into()))?;
    if measured.decisions.is_empty() {
        return Err(bad(anyhow::anyhow!(
            "`{}` has no tests, and their logins are what is measured: write a NAME.tests.toml next to it",
            module.display()
        )));
    }
    let text = if json {
        render_json(&report(&measured))?
    } else {
        table(&measured)
    };
    Ok(Output::success(text))
}

impl Cost {
    /// Returns the cost of `decision`, whose times are sorted.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the rate is for people, and its digits beyond the 15th are noise"
    )]
    fn new(decision: &MeasuredDecision) -> Self {
        let times = &decision.times;
        let at = |percent: usize| {
            let rank = times.len().saturating_mul(percent).div_ceil(100);
            times
                .get(rank.saturating_sub(1))
                .copied()
                .unwrap_or_default()
        };
        let total: Duration = times.iter().sum();
        Self {
            rate: times.len() as f64 / total.as_secs_f64().max(f64::MIN_POSITIVE),
            median: at(50),
            p99: at(99),
            count: times.len(),
        }
    }
}

fn table(measured: &MeasuredPolicy) -> String {
    let mut text = format!(
        "{}: decisions one after the other, on one thread\n{:>13} {:>10} {:>10} {:>11} {:>9}  login of the test\n",
        measured.name, "decisions/s", "p50", "p99", "fuel", "memory"
    );
    for decision in &measured.decisions {
        let cost = Cost::new(decision);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:>13.0} {:>10} {:>10} {:>11} {:>5} KiB  {}",
            cost.rate,
            micros(cost.median),
            micros(cost.p99),
            decision.outcome.fuel,
            decision.outcome.memory >> 10,
            one_line(&decision.outcome.name)
        );
    }
    text
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

fn report(measured: &MeasuredPolicy) -> Value {
    let decisions = measured.decisions.iter().map(|decision| {
        let cost = Cost::new(decision);
        json!({
            "test": decision.outcome.name,
            "line": decision.outcome.line,
            "decisions-per-second": cost.rate,
            "p50-seconds": cost.median.as_secs_f64(),
            "p99-seconds": cost.p99.as_secs_f64(),
            "measured": cost.count,
            "fuel": decision.outcome.fuel,
            "memory": decision.outcome.memory,
        })
    });
    json!({
        "policy": measured.name.as_str(),
        "decisions": decisions.collect::<Vec<_>>(),
    })
}
