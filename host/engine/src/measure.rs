//! The steps of a decision one by one, and a decision without isolation. For benchmarks only,
//! behind the feature `measure`.
//!
//! No host may use this. A [`Reused`] instance keeps the effects of earlier logins, which
//! an [`Evaluation`](crate::Evaluation) prevents.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, Verdict};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::engine::Engine;
use crate::evaluation::EvaluationError;
use crate::host::PolicyBindings;
use crate::limits::{Grants, Limits};
use crate::load::LoadError;
use crate::module::componentize;
use crate::policy::{Policy, answer};
use crate::snapshot::{Unreadable, instrument};
use crate::source::Source;
use crate::state::{Phase, State};

/// Returns the wasmtime engine, so that other contracts can be measured with the same
/// configuration.
pub fn wasmtime(engine: &Engine) -> &wasmtime::Engine {
    engine.wasmtime()
}

/// Loads a module without `configure`. It starts from the memory that its compiler laid out, and
/// ignores its settings.
///
/// # Errors
///
/// Fails if the module is unusable.
pub fn unconfigured(
    engine: &Engine,
    source: Source<'_>,
    limits: Limits,
    grants: Grants,
) -> Result<Policy, LoadError> {
    let component = componentize(source, &grants)?;
    Policy::link(engine, source.name, &component, limits, grants)
}

/// Returns a component of any world with its memory after `run`, as [`Policy::load`] does with
/// `configure`. `run` receives the component to instantiate, with accessors added.
///
/// # Errors
///
/// Fails if `run` fails or the memory cannot be kept.
pub fn snapshot<T: Send + 'static>(
    component: &[u8],
    run: impl FnOnce(&[u8]) -> wasmtime::Result<(Store<T>, Instance)>,
) -> wasmtime::Result<Vec<u8>> {
    let instrumented =
        instrument(component).map_err(|Unreadable(reason)| wasmtime::Error::msg(reason))?;
    let (mut store, instance) = run(&instrumented.component)?;
    // The snapshot reads the whole memory at once.
    store.set_hostcall_fuel(usize::MAX);
    instrumented.snapshot(&mut store, instance)
}

/// Makes the store of a decision and drops it.
pub fn store(policy: &Policy) {
    drop(policy.store(Phase::Configure, policy.limits().deadline));
}

/// Makes the store and the instance of a decision and drops both.
///
/// # Errors
///
/// Fails if no slot is free for the instance.
pub fn instantiate(policy: &Policy) -> Result<(), EvaluationError> {
    let mut store = policy.store(Phase::Configure, policy.limits().deadline);
    instance(policy, &mut store).map(drop)
}

/// An instance that decides more than once.
pub struct Reused {
    store: Store<State>,
    instance: PolicyBindings,
}

impl std::fmt::Debug for Reused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reused").finish_non_exhaustive()
    }
}

impl Reused {
    /// Instantiates `policy` for any number of decisions about `request` within `time`.
    ///
    /// # Errors
    ///
    /// Fails if no slot is free for the instance.
    pub fn new(
        policy: &Policy,
        request: Arc<AuthorizationRequest>,
        time: Duration,
    ) -> Result<Self, EvaluationError> {
        let deadline = Instant::now() + time;
        let mut store = policy.store(Phase::Decide { request, deadline }, time);
        let instance = instance(policy, &mut store)?;
        Ok(Self { store, instance })
    }

    /// Decides as [`Evaluation::run`](crate::Evaluation::run) does, in the instance of the previous
    /// decision.
    ///
    /// # Errors
    ///
    /// Fails as [`Evaluation::run`](crate::Evaluation::run) does.
    pub fn decide(&mut self) -> Result<Verdict, EvaluationError> {
        // Each decision has the full limits.
        let state = self.store.data_mut();
        state.permit_bytes = 0;
        state.forget_comparisons();
        let verdict = self
            .instance
            .portcullis_policy_decider()
            .call_decide(&mut self.store)
            .map_err(|error| EvaluationError::of_call(&error, self.store.data(), Duration::ZERO))?;
        answer(&mut self.store, verdict)
    }
}

fn instance(policy: &Policy, store: &mut Store<State>) -> Result<PolicyBindings, EvaluationError> {
    policy
        .pre
        .instantiate(store)
        .map_err(|error| EvaluationError::of_host(&error))
}
