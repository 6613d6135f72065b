//! Decisions: one instance each, unless the policy opted in to fewer.

mod recorded;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, KeyValues, Verdict};
use wasmtime::Store;

use super::{Policy, ticks};
use crate::comparisons::Comparisons;
use crate::evaluation::{EvaluationError, PermitFault, TrapCause};
use crate::host::{GuestVerdict, PolicyBindings};
use crate::instance_pool::{InstancePool, PooledInstance};
use crate::look_up::LookUps;
use crate::state::{Phase, Questions, State};
use crate::text::truncate;

pub use recorded::{Metered, Recorded};

/// Log target of the questions that policies ask.
const ASKED: &str = "portcullis_engine::asked";

/// An inline attempt at a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every attempt decides, and a box would cost each of them an allocation"
)]
pub enum Attempt {
    /// The policy decided, or failed for a reason that another attempt would meet too.
    Decided(Result<Verdict, EvaluationError>),
    /// The policy's own code needs more than the budget of the attempt.
    BudgetExceeded(BudgetExceeded),
}

/// An inline attempt that exceeded its time budget. [`Evaluation::resume`] decides after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetExceeded {
    /// Number of lines that the policy logged.
    lines: usize,
}

/// A decision that one policy is to make. Made by [`Policy::evaluate`].
#[derive(Clone, Debug)]
#[must_use = "a decision is made by `run`, `run_inline`, `resume`, `run_recorded` or `run_metered`"]
pub struct Evaluation<'a> {
    policy: &'a Policy,
    request: Arc<AuthorizationRequest>,
    deadline: Instant,
    /// Source of the values that the policy looks up.
    key_values: &'a Arc<dyn KeyValues>,
    /// Comparisons of all policies that decide about this login, if they are counted together.
    comparisons: Option<&'a Arc<Comparisons>>,
    /// The place for the questions of the policy. `None` if they are not recorded.
    questions: Option<&'a RefCell<Vec<String>>>,
    /// Whether the client's secrets match no slow hash, and none is computed.
    skips_slow_hashes: bool,
}

/// The limits of one attempt.
#[derive(Clone, Copy)]
struct Limited {
    /// Maximum time of the policy's own code.
    time: Duration,
    /// Whether another attempt follows if the time does not suffice.
    is_preliminary: bool,
    /// Number of lines that an earlier attempt has logged.
    logged: usize,
}

/// An attempt that failed.
struct Failed {
    error: EvaluationError,
    /// Number of lines that the policy logged.
    lines: usize,
}

impl Failed {
    fn new(error: EvaluationError, store: &Store<State>) -> Self {
        let lines = store.data().log.lines;
        Self { error, lines }
    }
}

impl Policy {
    /// Prepares a decision about `request`. After `deadline`, the answer is too late. The policy's
    /// own limit applies too.
    pub fn evaluate(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Evaluation<'_> {
        Evaluation {
            policy: self,
            request,
            deadline,
            key_values: self.engine.key_values(),
            comparisons: None,
            questions: None,
            skips_slow_hashes: false,
        }
    }
}

impl<'a> Evaluation<'a> {
    /// Replaces the engine's source of key values by `key_values`, for tests of policies.
    pub fn with_key_values(self, key_values: &'a Arc<dyn KeyValues>) -> Self {
        Self { key_values, ..self }
    }

    /// Counts comparisons of the client's secrets in `comparisons` too, which all policies that
    /// decide about one login share.
    pub fn with_comparisons(self, comparisons: &'a Arc<Comparisons>) -> Self {
        Self {
            comparisons: Some(comparisons),
            ..self
        }
    }

    /// Stores the questions that the policy asks the host in `questions`, as in
    /// [`Metered::asked`]. `None` records none.
    pub fn with_questions(self, questions: Option<&'a RefCell<Vec<String>>>) -> Self {
        Self { questions, ..self }
    }

    /// Lets the client's secrets match no slow hash, and computes none. For logins that the host
    /// makes up, with secrets that belong to no user.
    pub fn without_slow_hashes(self) -> Self {
        Self {
            skips_slow_hashes: true,
            ..self
        }
    }

    /// Decides. Blocks while the policy runs and the host computes password hashes.
    ///
    /// # Errors
    ///
    /// Fails if the policy does not answer. [`EvaluationError::class`] shows the party at fault.
    pub fn run(self) -> Result<Verdict, EvaluationError> {
        let limited = self.unlimited();
        self.attempt(limited).map_err(|failed| failed.error)
    }

    /// Decides as [`run`](Self::run) does, but stops once the policy's own code has run for
    /// `budget`, if its limit is higher. For threads that must not block for long. Slow password
    /// hashes do not count.
    pub fn run_inline(self, budget: Duration) -> Attempt {
        let unlimited = self.unlimited();
        let limited = Limited {
            time: unlimited.time.min(budget),
            is_preliminary: budget < unlimited.time,
            ..unlimited
        };
        match self.attempt(limited) {
            Err(Failed {
                error: EvaluationError::Deadline(_),
                lines,
            }) if limited.is_preliminary => Attempt::BudgetExceeded(BudgetExceeded { lines }),
            decided => Attempt::Decided(decided.map_err(|failed| failed.error)),
        }
    }

    /// Decides as [`run`](Self::run) does, after an inline attempt that exceeded its budget. Does
    /// not log the lines of that attempt again: for one request, a policy logs the same lines every
    /// time, unless looked-up values have changed.
    ///
    /// # Errors
    ///
    /// Fails as [`run`](Self::run) does.
    pub fn resume(self, after: BudgetExceeded) -> Result<Verdict, EvaluationError> {
        let limited = Limited {
            logged: after.lines,
            ..self.unlimited()
        };
        self.attempt(limited).map_err(|failed| failed.error)
    }

    /// Returns the policy's full time budget, capped by the deadline of the login.
    fn unlimited(&self) -> Limited {
        let left = self.deadline.saturating_duration_since(Instant::now());
        Limited {
            time: self.policy.limits.deadline.min(left),
            is_preliminary: false,
            logged: 0,
        }
    }

    fn attempt(&self, limited: Limited) -> Result<Verdict, Failed> {
        let made = self.comparisons.map(|comparisons| comparisons.made());
        let decided = match &self.policy.pool {
            Some(pool) => self.run_pooled(pool, limited),
            None => self.run_fresh(limited),
        };
        // The next attempt makes the same comparisons again.
        if limited.is_preliminary
            && let Err(Failed {
                error: EvaluationError::Deadline(_),
                ..
            }) = &decided
        {
            self.uncount_comparisons(made);
        }
        decided
    }

    /// Sets the login's count of comparisons back to what it was before an attempt.
    fn uncount_comparisons(&self, made: Option<usize>) {
        if let (Some(comparisons), Some(made)) = (self.comparisons, made) {
            comparisons.set_back_to(made);
        }
    }

    fn run_fresh(&self, limited: Limited) -> Result<Verdict, Failed> {
        let mut store = self.store(limited);
        self.run_in(&mut store, limited)
            .map_err(|error| Failed::new(error, &store))
    }

    fn run_in(
        &self,
        store: &mut Store<State>,
        limited: Limited,
    ) -> Result<Verdict, EvaluationError> {
        let instance = self.start(store, limited.time)?;
        self.ask(store, &instance, limited)
    }

    /// Makes an instance that can decide.
    fn start(
        &self,
        store: &mut Store<State>,
        limit: Duration,
    ) -> Result<PolicyBindings, EvaluationError> {
        let instance = self
            .policy
            .pre
            .instantiate(&mut *store)
            .map_err(|error| EvaluationError::of_start(&error, store.data(), limit))?;
        if let Some(settings) = &self.policy.settings {
            take_settings_again(store, &instance, settings, limit)?;
        }
        Ok(instance)
    }

    /// Calls `decide` on an instance. Stores its questions if the caller wants them, and logs them
    /// if the log level asks for them.
    fn ask(
        &self,
        store: &mut Store<State>,
        instance: &PolicyBindings,
        limited: Limited,
    ) -> Result<Verdict, EvaluationError> {
        let told = tracing::enabled!(target: ASKED, tracing::Level::DEBUG);
        if told || self.questions.is_some() {
            store.data_mut().asked.get_or_insert_default();
        }
        let verdict = instance
            .portcullis_policy_decider()
            .call_decide(&mut *store)
            .map_err(|error| EvaluationError::of_call(&error, store.data(), limited.time));
        let is_late = matches!(verdict, Err(EvaluationError::Deadline(_)));
        // A further attempt asks and logs again.
        let is_final = !(is_late && limited.is_preliminary);
        let told = told && is_final;
        let dropped = store.data().log.dropped(self.policy.limits.log_lines);
        if is_final && dropped > 0 {
            tracing::warn!(
                policy.name = %self.policy.name,
                policy.dropped_lines = dropped,
                user_nkey = store.data().user_nkey(),
                "policy log lines dropped: a decision may log `log-lines` of them"
            );
        }
        let asked = || {
            let asked = store.data().asked.as_ref().map(Questions::texts);
            asked.unwrap_or_default()
        };
        if is_final && let Some(questions) = self.questions {
            questions.replace(asked());
        }
        if told && let Phase::Decide { request, .. } = &store.data().phase {
            let asked = asked().join(",");
            tracing::event!(
                target: ASKED,
                tracing::Level::DEBUG,
                policy.name = %self.policy.name,
                policy.asked = asked,
                user_nkey = %request.user_nkey,
                "policy asked"
            );
        }
        answer(store, verdict?)
    }

    /// Decides in a used instance if one is idle, and keeps it for the next decision. A failure in
    /// a used instance may result from an earlier decision, so the host tries again in a fresh one.
    fn run_pooled(&self, pool: &InstancePool, limited: Limited) -> Result<Verdict, Failed> {
        let engine = &self.policy.engine;
        if let Some(mut pooled) = pool.take(engine) {
            let made = self.comparisons.map(|comparisons| comparisons.made());
            let state = pooled.store.data_mut();
            state.begin_again(self.phase(), limited.time);
            self.prepare(state, limited);
            pooled.store.set_epoch_deadline(ticks(limited.time));
            let verdict = self.ask(&mut pooled.store, &pooled.instance, limited);
            match verdict {
                Ok(verdict) => {
                    pool.put(engine, pooled);
                    return Ok(verdict);
                }
                Err(error @ (EvaluationError::Deadline(_) | EvaluationError::Late(_))) => {
                    return Err(Failed::new(error, &pooled.store));
                }
                Err(_) => self.uncount_comparisons(made),
            }
        }
        let mut store = self.store(limited);
        let decided = self.start(&mut store, limited.time).and_then(|instance| {
            let verdict = self.ask(&mut store, &instance, limited)?;
            Ok((verdict, instance))
        });
        let (verdict, instance) = decided.map_err(|error| Failed::new(error, &store))?;
        let decisions = 0;
        let pooled = PooledInstance {
            store,
            instance,
            decisions,
        };
        pool.put(engine, pooled);
        Ok(verdict)
    }

    fn phase(&self) -> Phase {
        Phase::Decide {
            request: Arc::clone(&self.request),
            deadline: self.deadline,
        }
    }

    /// Returns a store for an attempt.
    fn store(&self, limited: Limited) -> Store<State> {
        let mut store = self.policy.store(self.phase(), limited.time);
        self.prepare(store.data_mut(), limited);
        store
    }

    fn prepare(&self, state: &mut State, limited: Limited) {
        let look_ups = |granted| LookUps::new(granted, Arc::clone(self.key_values));
        state.look_ups = self.policy.granted.clone().map(look_ups);
        state.log.logged = limited.logged;
        state.comparisons_of_login = self.comparisons.cloned();
        state.skips_slow_hashes = self.skips_slow_hashes;
    }
}

/// Takes the policy's answer out of its store.
pub(crate) fn answer(
    store: &mut Store<State>,
    verdict: GuestVerdict,
) -> Result<Verdict, EvaluationError> {
    let limits = store.data().limits;
    match verdict {
        GuestVerdict::Abstain => Ok(Verdict::Abstain),
        GuestVerdict::Deny(mut reason) => {
            truncate(&mut reason, limits.reason_bytes);
            Ok(Verdict::Deny(reason.replace(char::is_control, " ")))
        }
        GuestVerdict::Permit(permit) => store
            .data_mut()
            .permits
            .delete(permit)
            .map_err(|error| PermitFault::Handle((&error).into()))
            .and_then(|permit| permit.finish().map_err(PermitFault::Problems))
            .map(Verdict::Permit)
            .map_err(EvaluationError::InvalidPermit),
    }
}

/// Passes the settings to an instance before its decision, within the time limit of that decision.
/// The policy cannot see the request meanwhile. Its log lines are dropped, because they were logged
/// when it was loaded.
fn take_settings_again(
    store: &mut Store<State>,
    policy: &PolicyBindings,
    settings: &str,
    limit: Duration,
) -> Result<(), EvaluationError> {
    let state = store.data_mut();
    let phase = std::mem::replace(&mut state.phase, Phase::Configure);
    let log = std::mem::take(&mut state.log);
    state.log.lines = usize::MAX;
    let taken = policy
        .portcullis_policy_decider()
        .call_configure(&mut *store, settings);
    let state = store.data_mut();
    let configured = std::mem::replace(&mut state.log, log);
    state.phase = phase;
    if taken.is_err() {
        // The last error is the message of a panic.
        state.log.last_error = configured.last_error;
    }
    match taken {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(EvaluationError::Trapped(TrapCause::SettingsRefused)),
        Err(error) => Err(EvaluationError::of_call(&error, store.data(), limit)),
    }
}
