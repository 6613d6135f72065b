//! Decisions: an instance each, unless the policy opted in to fewer.

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

/// Where the log has what policies asked.
const ASKED: &str = "portcullis_engine::asked";

/// A decision, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// What the policy says.
    pub verdict: Result<Verdict, EvaluationError>,
    /// Fuel used by the policy's own code. What the host does for it costs none.
    pub fuel: u64,
    /// What it asked the host, each question once, in the words of the contract: `identity.username`, `identity.claim(roles)`.
    pub asked: Vec<String>,
    /// What it logged, with levels: `warn: no such user`.
    pub log: Vec<String>,
}

/// An attempt to decide that was given up.
#[derive(Clone, Copy, Debug)]
pub struct GaveUp {
    /// How many lines the policy logged.
    lines: usize,
}

/// One attempt to decide.
pub(super) struct Attempt<'a> {
    /// Where it looks keys up.
    pub(super) key_values: &'a Arc<dyn KeyValues>,
    /// How long the policy's own code may run.
    pub(super) limit: Duration,
    /// Whether there is another attempt if that is not long enough.
    pub(super) is_preliminary: bool,
    /// How many lines an earlier attempt has logged.
    pub(super) logged: usize,
}

/// An attempt that came to nothing.
struct Failed {
    error: EvaluationError,
    /// How many lines the policy logged.
    lines: usize,
}

impl Failed {
    fn of(error: EvaluationError, store: &Store<State>) -> Self {
        let lines = store.data().log.lines;
        Self { error, lines }
    }
}

impl Policy {
    /// Decides one request. Blocks for as long as the policy runs and the host computes password hashes.
    ///
    /// `deadline` is when the answer is too late; the policy's own limit applies too.
    ///
    /// # Errors
    ///
    /// When the policy fails to answer; see [`EvaluationError::class`] for whose fault it is.
    pub fn decide(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Result<Verdict, EvaluationError> {
        self.attempt(&self.only_attempt(deadline), request, deadline)
    }

    /// As [`decide`](Self::decide), but gives up once the policy's own code has run for `at_most`, if it may run for longer: for
    /// threads that should not be kept. Slow password hashes do not count.
    ///
    /// # Errors
    ///
    /// When it was given up; what [`decide`](Self::decide) comes to if not.
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

    /// As [`decide`](Self::decide), after an attempt that was given up. So many lines as the policy logged then are not logged again: on
    /// one request it does the same every time, unless what it looks up has changed.
    ///
    /// # Errors
    ///
    /// As [`decide`](Self::decide).
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

    /// As [`decide`](Self::decide), and counts what the policy's own code costs, in wasmtime's units of fuel: about one for an
    /// instruction, the same on every machine. A decision that needs more than `fuel` fails with [`EvaluationError::Fuel`].
    ///
    /// Only a policy that was loaded by [`Engine::metered`](crate::Engine::metered) can; for any other this is a failure of the host.
    pub fn decide_within(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        fuel: u64,
    ) -> Metered {
        self.meter(&self.only_attempt(deadline), request, deadline, fuel)
    }

    /// The attempt of who makes no other, at a decision whose answer is too late at `deadline`.
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

    /// Has an instance decide. Tells what it asked, if the log is to have it.
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
        // What is tried again asks and logs again.
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

    /// Decides in an instance that has decided before, if there is one, and keeps it for the next decision. What goes wrong in a
    /// used instance may come from what was done in it before, so it is tried once more in a fresh one.
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

    /// A store for an attempt.
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

/// Hands the settings to the instance that is to decide, within the time for that decision. It hears nothing of the request
/// meanwhile, and what it logs has been logged when it was loaded.
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
        // The message of a panic.
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
