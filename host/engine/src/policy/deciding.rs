//! Decisions: one instance each, unless the policy opted in to fewer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, KeyValues, Verdict};
use wasmtime::Store;

use super::{Policy, ticks};
use crate::evaluation::EvaluationError;
use crate::host::{GuestVerdict, PolicyBindings, truncate};
use crate::load::one_line;
use crate::look_up::LookUps;
use crate::reuse::{Reused, Used};
use crate::state::{Phase, Questions, State};

/// Log target of the questions that policies ask.
const ASKED: &str = "portcullis_engine::asked";

/// A decision with its costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// Verdict of the policy.
    pub verdict: Result<Verdict, EvaluationError>,
    /// Fuel that the policy's own code used. Work of the host costs none.
    pub fuel: u64,
    /// Questions that the policy asked the host, each once, in the words of the contract:
    /// `identity.username`, `identity.claim(roles)`.
    pub asked: Vec<String>,
    /// Log lines of the policy with their levels: `warn: no such user`.
    pub log: Vec<String>,
}

/// An attempt to decide that exceeded its time budget.
#[derive(Clone, Copy, Debug)]
pub struct GaveUp {
    /// Number of lines that the policy logged.
    lines: usize,
}

/// One attempt to decide.
pub(super) struct Attempt<'a> {
    /// Source of the values that the policy looks up.
    pub(super) key_values: &'a Arc<dyn KeyValues>,
    /// Maximum time of the policy's own code.
    pub(super) limit: Duration,
    /// Whether another attempt follows if the time does not suffice.
    pub(super) is_preliminary: bool,
    /// Number of lines that an earlier attempt has logged.
    pub(super) logged: usize,
}

/// An attempt that failed.
struct Failed {
    error: EvaluationError,
    /// Number of lines that the policy logged.
    lines: usize,
}

impl Failed {
    fn of(error: EvaluationError, store: &Store<State>) -> Self {
        let lines = store.data().log.lines;
        Self { error, lines }
    }
}

impl Policy {
    /// Decides one request. Blocks while the policy runs and the host computes password hashes.
    ///
    /// After `deadline`, the answer is too late. The policy's own limit applies too.
    ///
    /// # Errors
    ///
    /// Fails if the policy does not answer. [`EvaluationError::class`] shows the party at fault.
    pub fn decide(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Result<Verdict, EvaluationError> {
        self.attempt(&self.only_attempt(deadline), request, deadline)
    }

    /// Decides as [`decide`](Self::decide) does, but gives up once the policy's own code has run
    /// for `at_most`, if its limit is higher. For threads that must not block for long. Slow
    /// password hashes do not count.
    ///
    /// # Errors
    ///
    /// Fails if the attempt was given up. The inner result is that of [`decide`](Self::decide).
    pub fn begin(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        at_most: Duration,
    ) -> Result<Result<Verdict, EvaluationError>, GaveUp> {
        let only = self.only_attempt(deadline);
        let attempt = Attempt {
            limit: only.limit.min(at_most),
            is_preliminary: at_most < only.limit,
            ..only
        };
        match self.try_to_decide(&attempt, request, deadline) {
            Err(Failed {
                error: EvaluationError::Deadline(_),
                lines,
            }) if attempt.is_preliminary => Err(GaveUp { lines }),
            decided => Ok(decided.map_err(|failed| failed.error)),
        }
    }

    /// Decides as [`decide`](Self::decide) does, after an attempt that was given up. Does not log
    /// the lines of that attempt again: for one request, a policy logs the same lines every time,
    /// unless looked-up values have changed.
    ///
    /// # Errors
    ///
    /// Fails as [`decide`](Self::decide) does.
    pub fn decide_after(
        &self,
        gave_up: GaveUp,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Result<Verdict, EvaluationError> {
        let attempt = Attempt {
            logged: gave_up.lines,
            ..self.only_attempt(deadline)
        };
        self.attempt(&attempt, request, deadline)
    }

    /// Decides as [`decide`](Self::decide) does, and counts the fuel of the policy's own code. A
    /// unit of wasmtime's fuel is about an instruction, and the count is the same on every machine.
    /// A decision that needs more than `fuel` fails with [`EvaluationError::Fuel`].
    ///
    /// Requires a policy that was loaded by [`Engine::metered`](crate::Engine::metered). For any
    /// other, the result is a failure of the host.
    pub fn decide_within(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        fuel: u64,
    ) -> Metered {
        self.meter(&self.only_attempt(deadline), request, deadline, fuel)
    }

    /// Returns an attempt with the policy's full time budget, capped by `deadline`.
    pub(super) fn only_attempt(&self, deadline: Instant) -> Attempt<'_> {
        let left = deadline.saturating_duration_since(Instant::now());
        Attempt {
            key_values: self.engine.key_values(),
            limit: self.limits.deadline.min(left),
            is_preliminary: false,
            logged: 0,
        }
    }

    pub(super) fn attempt(
        &self,
        attempt: &Attempt<'_>,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Result<Verdict, EvaluationError> {
        self.try_to_decide(attempt, request, deadline)
            .map_err(|failed| failed.error)
    }

    fn try_to_decide(
        &self,
        attempt: &Attempt<'_>,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Result<Verdict, Failed> {
        let phase = Phase::Decide { request, deadline };
        if let Some(reused) = &self.reused {
            return self.run_reused(reused, &phase, attempt);
        }
        let mut store = self.store_for(phase, attempt);
        self.run(&mut store, attempt)
            .map_err(|error| Failed::of(error, &store))
    }

    pub(super) fn meter(
        &self,
        attempt: &Attempt<'_>,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        fuel: u64,
    ) -> Metered {
        let mut store = self.store_for(Phase::Decide { request, deadline }, attempt);
        store.data_mut().fuel = fuel;
        store.data_mut().asked = Some(Questions::default());
        store.data_mut().log.kept = Some(Vec::new());
        let verdict = store
            .set_fuel(fuel)
            .map_err(|error| EvaluationError::Host(one_line(&format!("{error:#}"))))
            .and_then(|()| self.run(&mut store, attempt));
        let left = store.get_fuel().unwrap_or(fuel);
        let asked = store.data_mut().asked.take();
        let log = &mut store.data_mut().log;
        let (mut lines, dropped) = (log.kept.take(), log.dropped(self.limits.log_lines));
        if let (Some(lines), 1..) = (&mut lines, dropped) {
            lines.push(format!("{dropped} more lines, which were dropped"));
        }
        Metered {
            verdict,
            log: lines.unwrap_or_default(),
            fuel: fuel.saturating_sub(left),
            asked: asked.map(Questions::into_texts).unwrap_or_default(),
        }
    }

    fn run(
        &self,
        store: &mut Store<State>,
        attempt: &Attempt<'_>,
    ) -> Result<Verdict, EvaluationError> {
        let instance = self.start(store, attempt.limit)?;
        self.ask(store, &instance, attempt)
    }

    /// Makes an instance that can decide.
    fn start(
        &self,
        store: &mut Store<State>,
        limit: Duration,
    ) -> Result<PolicyBindings, EvaluationError> {
        let instance = self
            .pre
            .instantiate(&mut *store)
            .map_err(|error| EvaluationError::of_start(&error, store.data(), limit))?;
        if let Some(settings) = &self.settings {
            take_settings_again(store, &instance, settings, limit)?;
        }
        Ok(instance)
    }

    /// Calls `decide` on an instance. Logs its questions if the log level asks for them.
    fn ask(
        &self,
        store: &mut Store<State>,
        instance: &PolicyBindings,
        attempt: &Attempt<'_>,
    ) -> Result<Verdict, EvaluationError> {
        let told = tracing::enabled!(target: ASKED, tracing::Level::DEBUG);
        if told {
            store.data_mut().asked.get_or_insert_default();
        }
        let verdict = instance
            .portcullis_policy_decider()
            .call_decide(&mut *store)
            .map_err(|error| EvaluationError::of_call(&error, store.data(), attempt.limit));
        let is_late = matches!(verdict, Err(EvaluationError::Deadline(_)));
        // A further attempt asks and logs again.
        let is_final = !(is_late && attempt.is_preliminary);
        let told = told && is_final;
        let dropped = store.data().log.dropped(self.limits.log_lines);
        if is_final && dropped > 0 {
            tracing::warn!(
                policy.name = %self.name,
                policy.dropped_lines = dropped,
                "policy log lines dropped: a decision may log `log-lines` of them"
            );
        }
        if told && let Phase::Decide { request, .. } = &store.data().phase {
            let asked = store.data().asked.as_ref().map(Questions::texts);
            let asked = asked.unwrap_or_default().join(",");
            tracing::event!(
                target: ASKED,
                tracing::Level::DEBUG,
                policy.name = %self.name,
                policy.asked = asked,
                user_nkey = %request.user_nkey,
                "policy asked"
            );
        }
        answer(store, verdict?)
    }

    /// Decides in a used instance if one is idle, and keeps it for the next decision. A failure in
    /// a used instance may result from an earlier decision, so the host tries again in a fresh one.
    fn run_reused(
        &self,
        reused: &Reused,
        phase: &Phase,
        attempt: &Attempt<'_>,
    ) -> Result<Verdict, Failed> {
        if let Some(mut used) = reused.take(&self.engine) {
            let state = used.store.data_mut();
            state.begin_again(phase.clone(), attempt.limit);
            self.prepare(state, attempt);
            used.store.set_epoch_deadline(ticks(attempt.limit));
            let verdict = self.ask(&mut used.store, &used.instance, attempt);
            match verdict {
                Ok(verdict) => {
                    reused.put(&self.engine, used);
                    return Ok(verdict);
                }
                Err(error @ (EvaluationError::Deadline(_) | EvaluationError::Late(_))) => {
                    return Err(Failed::of(error, &used.store));
                }
                Err(_) => {}
            }
        }
        let mut store = self.store_for(phase.clone(), attempt);
        let decided = self.start(&mut store, attempt.limit).and_then(|instance| {
            let verdict = self.ask(&mut store, &instance, attempt)?;
            Ok((verdict, instance))
        });
        let (verdict, instance) = decided.map_err(|error| Failed::of(error, &store))?;
        let decisions = 0;
        let used = Used {
            store,
            instance,
            decisions,
        };
        reused.put(&self.engine, used);
        Ok(verdict)
    }

    /// Returns a store for an attempt.
    fn store_for(&self, phase: Phase, attempt: &Attempt<'_>) -> Store<State> {
        let mut store = self.store(phase, attempt.limit);
        self.prepare(store.data_mut(), attempt);
        store
    }

    fn prepare(&self, state: &mut State, attempt: &Attempt<'_>) {
        let look_ups = |granted| LookUps::new(granted, Arc::clone(attempt.key_values));
        state.look_ups = self.granted.clone().map(look_ups);
        state.log.logged = attempt.logged;
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
            .map_err(|error| EvaluationError::InvalidPermit(error.to_string()))?
            .finish()
            .map(Verdict::Permit)
            .map_err(|problems| EvaluationError::invalid_permit(&problems)),
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
        Ok(Err(_)) => Err(EvaluationError::Trapped(
            "it refuses the settings that it took when it was loaded".to_owned(),
        )),
        Err(error) => Err(EvaluationError::of_call(&error, store.data(), limit)),
    }
}
