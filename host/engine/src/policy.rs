//! One loaded policy, and one decision.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, PolicyName, Verdict};
use wasmtime::component::Component;
use wasmtime::{Store, UpdateDeadline};

use crate::engine::{Engine, TICK};
use crate::evaluation::EvaluationError;
use crate::host::{GuestVerdict, PolicyBindings, PolicyPre, truncate};
use crate::limits::{Grants, Limits};
use crate::load::LoadError;
use crate::module::componentize;
use crate::snapshot;
use crate::state::{Phase, State};

/// What a policy is made from. `Debug` shows the name only: settings have password hashes in them.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Its name, for its log lines.
    pub name: &'a PolicyName,
    /// A core module as `cargo build --target wasm32-unknown-unknown` makes it, or a component.
    pub module: &'a [u8],
    /// The JSON that `configure` gets.
    pub settings: &'a str,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Source")
            .field("name", self.name)
            .finish_non_exhaustive()
    }
}

/// A policy that is compiled, linked, configured and ready to decide.
///
/// Immutable. Every [`decide`](Self::decide) runs in an instance of its own, made from the memory that
/// `configure` left and dropped afterwards: nothing one decision does can be seen by another.
pub struct Policy {
    engine: Engine,
    name: PolicyName,
    pub(crate) pre: PolicyPre<State>,
    limits: Limits,
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Policy")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Policy {
    /// Checks, compiles and configures a module. Blocks for the compilation, tens of milliseconds for a
    /// small policy; not for a thread that serves logins.
    ///
    /// # Errors
    ///
    /// What is wrong with the module or its settings. Nothing is put in service then.
    pub fn load(
        engine: &Engine,
        source: Source<'_>,
        limits: Limits,
        grants: Grants,
    ) -> Result<Self, LoadError> {
        if limits.memory > Limits::MAX_MEMORY {
            return Err(LoadError::MemoryLimit {
                asked: limits.memory,
                most: Limits::MAX_MEMORY,
            });
        }
        // The tools below are written for modules made by other tools, not by an attacker.
        catch_unwind(AssertUnwindSafe(|| {
            Self::load_unguarded(engine, source, limits, grants)
        }))
        .unwrap_or(Err(LoadError::HostPanic))
    }

    fn load_unguarded(
        engine: &Engine,
        source: Source<'_>,
        limits: Limits,
        grants: Grants,
    ) -> Result<Self, LoadError> {
        let component = componentize(source.module, grants)?;
        let configured = configure(engine, &component, source, limits, grants)?;
        Self::link(engine, source.name, &configured, limits, grants)
    }

    /// Compiles a component and makes sure that it fits.
    pub(crate) fn link(
        engine: &Engine,
        name: &PolicyName,
        component: &[u8],
        limits: Limits,
        grants: Grants,
    ) -> Result<Self, LoadError> {
        let component = Component::from_binary(engine.wasmtime(), component)
            .map_err(|error| LoadError::compile(&error))?;
        let pre = engine
            .linker(grants)
            .instantiate_pre(&component)
            .and_then(PolicyPre::new)
            .map_err(|error| LoadError::instantiate(&error))?;
        let policy = Self {
            engine: engine.clone(),
            name: name.clone(),
            pre,
            limits,
        };
        // Some mismatches of types show only now; better here than at the first login.
        let mut store = policy.store(Phase::Configure, limits.deadline);
        policy
            .pre
            .instantiate(&mut store)
            .map_err(|error| LoadError::instantiate(&error))?;
        Ok(policy)
    }

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
        let limit = self
            .limits
            .deadline
            .min(deadline.saturating_duration_since(Instant::now()));
        let mut store = self.store(Phase::Decide { request, deadline }, limit);
        let instance = self
            .pre
            .instantiate(&mut store)
            .map_err(|error| EvaluationError::Host(crate::load::one_line(&format!("{error:#}"))))?;
        let verdict = instance
            .portcullis_policy_decider()
            .call_decide(&mut store)
            .map_err(|error| EvaluationError::of_call(&error, store.data(), limit))?;
        answer(&mut store, verdict)
    }

    /// What this policy may use.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn store(&self, phase: Phase, time: Duration) -> Store<State> {
        store(&self.engine, &self.name, phase, self.limits.memory, time)
    }
}

/// Takes the policy's answer out of its store.
pub(crate) fn answer(
    store: &mut Store<State>,
    verdict: GuestVerdict,
) -> Result<Verdict, EvaluationError> {
    match verdict {
        GuestVerdict::Abstain => Ok(Verdict::Abstain),
        GuestVerdict::Deny(mut reason) => {
            truncate(&mut reason, Limits::LINE_BYTES);
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

/// Runs `configure` once and keeps what it did: returns the component with its memory as it is afterwards.
fn configure(
    engine: &Engine,
    component: &[u8],
    source: Source<'_>,
    limits: Limits,
    grants: Grants,
) -> Result<Vec<u8>, LoadError> {
    let instrumented =
        snapshot::instrument(component).map_err(|error| LoadError::snapshot(&error))?;
    let compiled = Component::from_binary(engine.wasmtime(), &instrumented.component)
        .map_err(|error| LoadError::compile(&error))?;
    let time = Limits::CONFIGURE_DEADLINE;
    let mut store = store(engine, source.name, Phase::Configure, limits.memory, time);
    let instance = engine
        .linker(grants)
        .instantiate(&mut store, &compiled)
        .map_err(|error| LoadError::instantiate(&error))?;
    let policy = PolicyBindings::new(&mut store, &instance)
        .map_err(|error| LoadError::instantiate(&error))?;
    policy
        .portcullis_policy_decider()
        .call_configure(&mut store, source.settings)
        .map_err(|error| {
            LoadError::Configure(EvaluationError::of_call(&error, store.data(), time))
        })?
        .map_err(|mut refusal| {
            truncate(&mut refusal, Limits::REFUSAL_BYTES);
            LoadError::Settings(crate::load::one_line(&refusal))
        })?;
    // The snapshot reads the whole memory at once, and in a page of its own.
    store.set_hostcall_fuel(usize::MAX);
    store.data_mut().limiter = crate::limits::Limiter::new(usize::MAX);
    instrumented
        .snapshot(&mut store, instance)
        .map_err(|error| LoadError::snapshot(&error))
}

fn store(
    engine: &Engine,
    name: &PolicyName,
    phase: Phase,
    memory: usize,
    time: Duration,
) -> Store<State> {
    let state = State::new(name.clone(), phase, engine.verifier(), memory, time);
    let mut store = Store::new(engine.wasmtime(), state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(Limits::HOST_CALL_BYTES);
    store.set_epoch_deadline(ticks(time));
    // The epoch counts all time; what the host spent for the policy is given back here.
    store.epoch_deadline_callback(|store| {
        Ok(match store.data().clock.remaining() {
            Some(remaining) => UpdateDeadline::Continue(ticks(remaining)),
            None => UpdateDeadline::Interrupt,
        })
    });
    store
}

/// One more than it takes, for the tick in progress.
fn ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(TICK.as_nanos().max(1));
    u64::try_from(ticks)
        .unwrap_or(u64::MAX / 2)
        .saturating_add(1)
}
