//! Decisions for tools, which show what the policy did and what that cost.

use portcullis_core::Verdict;
use wasmtime::Store;

use super::Evaluation;
use crate::evaluation::EvaluationError;
use crate::state::{Questions, State};

/// A decision with its costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// Verdict of the policy.
    pub verdict: Result<Verdict, EvaluationError>,
    /// Fuel that the policy's own code used. Work of the host costs none.
    pub fuel: u64,
    /// Size of the instance's memories after the decision, in bytes.
    pub memory: usize,
    /// Questions that the policy asked the host, each once, in the words of the contract:
    /// `identity.username`, `identity.claim(roles)`.
    pub asked: Vec<String>,
    /// Log lines of the policy with their levels: `warn: no such user`.
    pub log: Vec<String>,
}

/// A decision with what the policy did for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Verdict of the policy.
    pub verdict: Result<Verdict, EvaluationError>,
    /// Questions that the policy asked the host, as in [`Metered::asked`].
    pub asked: Vec<String>,
    /// Log lines of the policy, as in [`Metered::log`].
    pub log: Vec<String>,
}

impl Evaluation<'_> {
    /// Decides as [`run`](Self::run) does, and counts the fuel of the policy's own code. A unit of
    /// wasmtime's fuel is about an instruction, and the count is the same on every machine. A
    /// decision that needs more than `fuel` fails with [`EvaluationError::Fuel`].
    ///
    /// Requires a policy that was loaded by [`Engine::metered`](crate::Engine::metered). For any
    /// other, the result is a failure of the host.
    pub fn run_metered(self, fuel: u64) -> Metered {
        let limited = self.unlimited();
        let mut store = self.store(limited);
        store.data_mut().fuel = fuel;
        let Recorded {
            verdict,
            asked,
            log,
        } = self.recorded(&mut store, |store| {
            store
                .set_fuel(fuel)
                .map_err(|error| EvaluationError::of_host(&error))
                .and_then(|()| self.run_in(store, limited))
        });
        let left = store.get_fuel().unwrap_or(fuel);
        Metered {
            verdict,
            fuel: fuel.saturating_sub(left),
            memory: store.data().limiter.memory(),
            asked,
            log,
        }
    }

    /// Decides as [`run`](Self::run) does, in a fresh instance, and records what the policy asks
    /// and logs.
    pub fn run_recorded(self) -> Recorded {
        let limited = self.unlimited();
        let mut store = self.store(limited);
        self.recorded(&mut store, |store| self.run_in(store, limited))
    }

    /// Lets `decide` decide in `store`, and takes the questions and the log lines out of it.
    fn recorded(
        &self,
        store: &mut Store<State>,
        decide: impl FnOnce(&mut Store<State>) -> Result<Verdict, EvaluationError>,
    ) -> Recorded {
        store.data_mut().asked = Some(Questions::default());
        store.data_mut().log.kept = Some(Vec::new());
        let verdict = decide(store);
        let asked = store.data_mut().asked.take();
        let log = &mut store.data_mut().log;
        let (mut lines, dropped) = (log.kept.take(), log.dropped(self.policy.limits.log_lines));
        if let (Some(lines), 1..) = (&mut lines, dropped) {
            lines.push(format!("{dropped} more lines, which were dropped"));
        }
        Recorded {
            verdict,
            asked: asked.map(Questions::into_texts).unwrap_or_default(),
            log: lines.unwrap_or_default(),
        }
    }
}
