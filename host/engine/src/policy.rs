//! One policy: checked, compiled, configured and linked. The module [`deciding`] has its decisions.

mod deciding;
mod description;
mod transfer;

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::PolicyName;
use wasmtime::component::Component;
use wasmtime::{Store, UpdateDeadline};

use crate::engine::Engine;
use crate::evaluation::EvaluationError;
use crate::host::{PolicyBindings, PolicyPre};
use crate::instance_pool::InstancePool;
use crate::limits::{Grants, Limits};
use crate::load::LoadError;
use crate::look_up::Granted;
use crate::module::componentize;
use crate::overrun;
use crate::snapshot::{self, Instrumented, Unreadable};
use crate::source::Source;
use crate::state::{Phase, State};
use crate::text::{one_line, truncate};
use crate::ticker::TICK;
#[cfg(feature = "measure")]
pub(crate) use deciding::answer;
pub use deciding::{Attempt, BudgetExceeded, Evaluation, Metered, Recorded};
#[cfg(feature = "fuzzing")]
pub use transfer::fuzzing;

/// A policy that is compiled, linked, configured and ready to decide.
///
/// A policy is immutable. Every [`evaluation`](Self::evaluate) runs in an instance of its own,
/// which starts from the memory after `configure` and is then dropped. So no decision sees any
/// effect of another.
pub struct Policy {
    engine: Engine,
    name: PolicyName,
    pub(crate) pre: PolicyPre<State>,
    limits: Limits,
    /// Whether `plain:` forms are granted.
    plain_hashes: bool,
    /// Settings that `configure` receives before every decision. `None` if its state was kept.
    settings: Option<Arc<str>>,
    /// Pool of instances that decide more than once, if the policy opted in.
    pool: Option<InstancePool>,
    grants: Grants,
    /// Buckets that the policy may look into. `None` if it has no grant.
    granted: Option<Granted>,
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Policy")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .field("snapshotted", &self.is_snapshotted())
            .finish_non_exhaustive()
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.clear(&self.engine);
        }
    }
}

impl Policy {
    /// Checks, compiles and configures a module. Blocks for the compilation, which takes tens of
    /// milliseconds for a small policy. Not for a thread that serves logins.
    ///
    /// # Errors
    ///
    /// Fails if the module or its settings are unusable. The policy is then not put in service.
    pub fn load(
        engine: &Engine,
        source: Source<'_>,
        limits: Limits,
        grants: Grants,
    ) -> Result<Self, LoadError> {
        check(engine, &limits, &grants)?;
        // The tools called here are written for modules of other tools, not for those of an
        // attacker.
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
        overrun::prepare();
        let component = componentize(source, &grants)?;
        let (component, unreadable) = match snapshot::instrument(&component) {
            Ok(instrumented) => {
                let engine = &engine.on_demand();
                let configured = configure(engine, &instrumented, source, limits, &grants)?;
                (configured, None)
            }
            Err(unreadable) => (component, Some(unreadable)),
        };
        let mut policy = Self::link(engine, source.name, &component, limits, grants)?;
        if let Some(unreadable) = unreadable {
            policy.settings = Some(source.settings.into());
            policy.rehearse(source.settings, unreadable)?;
        } else {
            policy.instantiate_once(Limits::CONFIGURE_DEADLINE)?;
        }
        Ok(policy)
    }

    /// Compiles a component and links its imports.
    pub(crate) fn link(
        engine: &Engine,
        name: &PolicyName,
        component: &[u8],
        limits: Limits,
        grants: Grants,
    ) -> Result<Self, LoadError> {
        let component = engine
            .compile(component)
            .map_err(|error| LoadError::compile(&error))?;
        Self::link_compiled(engine, name, &component, limits, grants)
    }

    /// Links the imports of a compiled component.
    fn link_compiled(
        engine: &Engine,
        name: &PolicyName,
        component: &Component,
        limits: Limits,
        grants: Grants,
    ) -> Result<Self, LoadError> {
        let pre = engine
            .linker(grants.secrets)
            .instantiate_pre(component)
            .and_then(PolicyPre::new)
            .map_err(|error| LoadError::instantiate(&error))?;
        Ok(Self {
            engine: engine.clone(),
            name: name.clone(),
            pre,
            limits,
            plain_hashes: grants.plain_hashes,
            settings: None,
            pool: None,
            granted: Granted::new(grants.key_values.clone()),
            grants,
        })
    }

    /// Instantiates the policy once, because some type mismatches appear only then. A failure here
    /// is better than one at the first login.
    fn instantiate_once(
        &self,
        time: Duration,
    ) -> Result<(Store<State>, PolicyBindings), LoadError> {
        let mut store = self.store(Phase::Configure, time);
        let policy = self.pre.instantiate(&mut store).map_err(|error| {
            LoadError::start(EvaluationError::of_start(&error, store.data(), time))
        })?;
        Ok((store, policy))
    }

    /// Calls `configure` twice. The first call has the time limit of loading, and validates the
    /// settings. The second has that of a decision, so that a policy that could never decide is not
    /// put in service.
    fn rehearse(&self, settings: &str, unreadable: Unreadable) -> Result<(), LoadError> {
        let time = Limits::CONFIGURE_DEADLINE;
        let (mut store, policy) = self.instantiate_once(time)?;
        take_settings(&mut store, &policy, settings, time)?;
        drop(store);
        let started = Instant::now();
        let time = self.limits.deadline;
        let (mut store, policy) = self.instantiate_once(time)?;
        match take_settings(&mut store, &policy, settings, time) {
            Err(LoadError::Configure(EvaluationError::Deadline(limit))) => {
                let Unreadable(reason) = unreadable;
                return Err(LoadError::TooSlowToConfigure { limit, reason });
            }
            outcome => outcome?,
        }
        tracing::warn!(
            policy.name = %self.name,
            policy.configure_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            error = unreadable.0,
            "the state that `configure` leaves cannot be kept: settings are read again before every decision, on its time"
        );
        Ok(())
    }

    /// Lets an instance of this policy make up to `decisions` decisions, one after the other.
    ///
    /// A reused instance costs a third of a fresh one, but loses the isolation. What one client
    /// sends stays in the memory in which the next one is decided. Only for policies that are
    /// trusted to keep clients apart.
    #[must_use]
    pub fn reusing(mut self, decisions: NonZeroU32) -> Self {
        self.pool = Some(InstancePool::new(decisions));
        self
    }

    /// Ends the idle instances, so that nothing of earlier decisions is left.
    pub fn end_idle_instances(&self) {
        if let Some(pool) = &self.pool {
            pool.clear(&self.engine);
        }
    }

    /// Returns the number of decisions per instance: one, unless the policy opted in to more.
    pub fn decisions_per_instance(&self) -> u32 {
        self.pool.as_ref().map_or(1, |pool| pool.decisions().get())
    }

    /// Returns whether the state after `configure` was kept. Otherwise, every decision calls
    /// `configure` first, which counts against the policy's deadline.
    pub const fn is_snapshotted(&self) -> bool {
        self.settings.is_none()
    }

    /// Returns the limits of this policy.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn store(&self, phase: Phase, time: Duration) -> Store<State> {
        let state = State::new(
            self.name.clone(),
            phase,
            self.engine.verifier(),
            self.limits,
            time,
        );
        store(&self.engine, state.allowing_plain_hashes(self.plain_hashes))
    }
}

/// Refuses limits and grants that this host cannot give.
fn check(engine: &Engine, limits: &Limits, grants: &Grants) -> Result<(), LoadError> {
    limits.check()?;
    let mut buckets = grants.key_values.iter();
    match buckets.find(|bucket| !engine.key_values().serves(bucket)) {
        Some(bucket) => Err(LoadError::UnknownBucket(bucket.clone())),
        None => Ok(()),
    }
}

/// Runs `configure` once and returns the component with its memory after that.
fn configure(
    engine: &Engine,
    instrumented: &Instrumented<'_>,
    source: Source<'_>,
    limits: Limits,
    grants: &Grants,
) -> Result<Vec<u8>, LoadError> {
    let compiled = engine
        .compile(&instrumented.component)
        .map_err(|error| LoadError::compile(&error))?;
    let time = Limits::CONFIGURE_DEADLINE;
    let (name, verifier) = (source.name.clone(), engine.verifier());
    let state = State::new(name, Phase::Configure, verifier, limits, time);
    let mut store = store(engine, state.allowing_plain_hashes(grants.plain_hashes));
    let instance = engine
        .linker(grants.secrets)
        .instantiate(&mut store, &compiled)
        .map_err(|error| LoadError::start(EvaluationError::of_start(&error, store.data(), time)))?;
    let policy = PolicyBindings::new(&mut store, &instance)
        .map_err(|error| LoadError::instantiate(&error))?;
    take_settings(&mut store, &policy, source.settings, time)?;
    // The snapshot reads the whole memory at once, and needs a page of its own.
    store.set_hostcall_fuel(usize::MAX);
    store.data_mut().limiter = crate::limiter::Limiter::unlimited();
    instrumented
        .snapshot(&mut store, instance)
        .map_err(|error| LoadError::snapshot(&error))
}

/// Passes the settings to a policy that is being loaded.
fn take_settings(
    store: &mut Store<State>,
    policy: &PolicyBindings,
    settings: &str,
    time: Duration,
) -> Result<(), LoadError> {
    let taken = policy
        .portcullis_policy_decider()
        .call_configure(&mut *store, settings);
    let state = store.data();
    let dropped = state.log.dropped(state.limits.log_lines);
    if dropped > 0 {
        tracing::warn!(
            policy.name = %state.name,
            policy.dropped_lines = dropped,
            "policy log lines dropped: `configure` may log `log-lines` of them"
        );
    }
    taken
        .map_err(|error| {
            LoadError::Configure(EvaluationError::of_call(&error, store.data(), time))
        })?
        .map_err(|mut refusal| {
            truncate(&mut refusal, Limits::REFUSAL_BYTES);
            LoadError::Settings(one_line(&refusal))
        })
}

fn store(engine: &Engine, state: State) -> Store<State> {
    let (limits, time) = (state.limits, state.clock.limit());
    let mut store = Store::new(engine.wasmtime(), state);
    store.limiter(|state| &mut state.limiter);
    if engine.meters_fuel() {
        // A store without fuel could not run any code.
        let _ = store.set_fuel(u64::MAX);
    }
    store.set_hostcall_fuel(limits.host_call_bytes);
    store.set_epoch_deadline(ticks(time));
    // The epoch counts all time. The callback gives back the time that the host spent for the
    // policy.
    store.epoch_deadline_callback(|store| {
        Ok(match store.data().clock.remaining() {
            Some(remaining) => UpdateDeadline::Continue(ticks(remaining)),
            None => UpdateDeadline::Interrupt,
        })
    });
    store
}

/// Returns the number of ticks in `time`, plus one for the tick in progress.
fn ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(TICK.as_nanos().max(1));
    u64::try_from(ticks)
        .unwrap_or(u64::MAX / 2)
        .saturating_add(1)
}
