//! Measurement of several works in turns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// The number of timed batches of each work.
const ROUNDS: usize = 1000;
/// The minimum duration of a batch: far more than reading the clock takes, and far less than the
/// time slice of a thread. On a busy machine most batches then run without interruption, so that
/// the median is that of an undisturbed run.
const BATCH: Duration = Duration::from_micros(250);

/// A named piece of work to measure.
pub struct Work<'work> {
    name: String,
    batch: Batch<'work>,
}

/// A function that runs a number of calls and returns their total duration.
type Batch<'work> = Box<dyn FnMut(u32) -> Result<Duration> + 'work>;

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Work")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<'work> Work<'work> {
    /// Creates a work that measures `call`, including the drop of its result.
    pub fn new<T>(name: impl Into<String>, mut call: impl FnMut() -> Result<T> + 'work) -> Self {
        Self::of_batches(name, move |calls| {
            let began = Instant::now();
            for _ in 0..calls {
                black_box(call()?);
            }
            Ok(began.elapsed())
        })
    }

    /// Creates a work that times itself: `batch` takes a number of calls and returns their total
    /// duration.
    pub fn of_batches(
        name: impl Into<String>,
        batch: impl FnMut(u32) -> Result<Duration> + 'work,
    ) -> Self {
        Self {
            name: name.into(),
            batch: Box::new(batch),
        }
    }

    /// Returns the name of the work in results.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `calls` calls, and returns their total duration.
    ///
    /// # Errors
    ///
    /// Fails if one of them does.
    pub fn run(&mut self, calls: u32) -> Result<Duration> {
        (self.batch)(calls).with_context(|| format!("`{}`", self.name))
    }

    /// Returns the number of calls that last as long as a batch. Warms up in the process.
    fn calls_in_a_batch(&mut self) -> Result<u32> {
        let mut calls: u32 = 1;
        while self.run(calls)? < BATCH {
            calls = calls.saturating_mul(2);
            ensure!(calls < 1 << 30, "`{}` takes no time at all", self.name);
        }
        Ok(calls)
    }
}

/// The distribution of repeated measurements: the median and the 10th and 90th percentiles of all
/// batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The 10th percentile.
    pub p10: f64,
    /// The median.
    pub median: f64,
    /// The 90th percentile.
    pub p90: f64,
}

impl Spread {
    /// Returns the distribution of these batches; `None` if there are none.
    pub fn of(mut batches: Vec<f64>) -> Option<Self> {
        batches.sort_by(f64::total_cmp);
        let last = batches.len().checked_sub(1)?;
        let at = |index: usize| batches.get(index).copied();
        // For a few batches, these are the minimum and the maximum.
        Some(Self {
            p10: at(last / 10)?,
            median: at(last / 2)?,
            p90: at((last * 9).div_ceil(10))?,
        })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { p10, median, p90 } = self;
        write!(formatter, "{median:.1} ({p10:.1}–{p90:.1})")
    }
}

/// Measures every work, a batch of each in turn, so that a disturbance does not affect only one of
/// them. Returns the results in the order of `works`, in microseconds a call.
///
/// # Errors
///
/// Fails if a call does.
pub fn in_turns(works: &mut [Work<'_>]) -> Result<Vec<Spread>> {
    let mut plans = Vec::with_capacity(works.len());
    for work in &mut *works {
        plans.push((work.calls_in_a_batch()?, Vec::with_capacity(ROUNDS)));
    }
    for _ in 0..ROUNDS {
        for (work, (calls, batches)) in works.iter_mut().zip(&mut plans) {
            // The other works have replaced the contents of the caches.
            work.run(1)?;
            let took = work.run(*calls)?;
            batches.push(took.as_secs_f64() * 1e6 / f64::from(*calls));
        }
    }
    plans
        .into_iter()
        .map(|(_, batches)| Spread::of(batches).context("nothing was measured"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_read_off_the_sorted_batches() {
        let batches = (0..=100).rev().map(f64::from).collect();
        let spread = Spread::of(batches).unwrap();
        assert_eq!(
            spread,
            Spread {
                p10: 10.0,
                median: 50.0,
                p90: 90.0
            }
        );
        assert_eq!(spread.to_string(), "50.0 (10.0–90.0)");
        let of_three = Spread::of(vec![3.0, 1.0, 2.0]).unwrap();
        assert_eq!(of_three.to_string(), "2.0 (1.0–3.0)");
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn works_take_turns_and_keep_their_order() {
        let constant = |micros: u64| {
            Work::of_batches(micros.to_string(), move |calls| {
                Ok(Duration::from_micros(micros) * calls)
            })
        };
        let spreads = in_turns(&mut [constant(500), constant(3)]).unwrap();
        let medians: Vec<_> = spreads.iter().map(|spread| spread.median.round()).collect();
        assert_eq!(medians, [500.0, 3.0]);
    }

    #[test]
    fn a_call_that_fails_names_its_work() {
        let mut work = Work::new("broken", || -> Result<()> { anyhow::bail!("no") });
        let error = in_turns(std::slice::from_mut(&mut work)).unwrap_err();
        assert_eq!(format!("{error:#}"), "`broken`: no");
    }
}
