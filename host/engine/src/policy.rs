//! One loaded policy, and one decision.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, KeyValues, PolicyName, Verdict};
use wasmtime::{Store, UpdateDeadline};

use crate::attempt::Failed;
use crate::engine::{Engine, TICK};
use crate::evaluation::EvaluationError;
use crate::host::{GuestVerdict, PolicyBindings, PolicyPre, truncate};
use crate::limits::{Grants, Limits};
use crate::load::{LoadError, one_line};
use crate::look_up::{Granted, LookUps};
use crate::module::componentize;
use crate::overrun;
use crate::reuse::{Reused, Used};
use crate::snapshot::{self, Instrumented, Unreadable};
use crate::state::{GuestLog, Phase, Questions, State};

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
    /// The settings that `configure` gets before every decision; none if its state was kept.
    settings: Option<Arc<str>>,
    /// Instances that decide more than once, if that is wanted.
    reused: Option<Reused>,
    /// The buckets it may look into; none if it is granted none.
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
        if let Some(reused) = &self.reused {
            reused.clear(&self.engine);
        }
    }
}

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
        limits.check()?;
        let mut buckets = grants.key_values.iter();
        if let Some(bucket) = buckets.find(|bucket| !engine.key_values().serves(bucket)) {
            return Err(LoadError::UnknownBucket(bucket.clone()));
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
        overrun::prepare();
        let component = componentize(source.module, &grants)?;
        let (component, unreadable) = match snapshot::instrument(&component) {
            Ok(instrumented) => {
                let secrets = grants.secrets;
                let configured = configure(engine, &instrumented, source, limits, secrets)?;
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

    /// Compiles a component and links what it imports.
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
        let pre = engine
            .linker(grants.secrets)
            .instantiate_pre(&component)
            .and_then(PolicyPre::new)
            .map_err(|error| LoadError::instantiate(&error))?;
        Ok(Self {
            engine: engine.clone(),
            name: name.clone(),
            pre,
            limits,
            settings: None,
            reused: None,
            granted: Granted::new(grants.key_values),
        })
    }

    /// Some mismatches of types show only now; better here than at the first login.
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

    /// Takes the settings once with the time that `configure` has at load, so that they are judged, and once with the time that a
    /// decision has, so that a policy which could never decide is not put in service.
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
            "the state that `configure` leaves cannot be kept: settings are taken anew before every decision, on its time"
        );
        Ok(())
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
        self.decide_from(self.engine.key_values(), request, deadline)
    }

    /// As [`decide`](Self::decide), and looks keys up in `key_values`.
    pub(crate) fn decide_from(
        &self,
        key_values: &Arc<dyn KeyValues>,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Result<Verdict, EvaluationError> {
        let limit = self.limit(deadline);
        self.decide_in(key_values, request, deadline, limit, 0)
            .map_err(|failed| failed.error)
    }

    /// Decides within `limit`, and does not log the first `logged` lines.
    pub(crate) fn decide_in(
        &self,
        key_values: &Arc<dyn KeyValues>,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        limit: Duration,
        logged: usize,
    ) -> Result<Verdict, Failed> {
        let phase = Phase::Decide { request, deadline };
        let look_ups = self.look_ups(key_values);
        if let Some(reused) = &self.reused {
            return self
                .run_reused(reused, &phase, limit, look_ups)
                .map_err(|error| Failed { error, lines: 0 });
        }
        let mut store = self.store_with(phase, limit, look_ups);
        store.data_mut().log.logged = logged;
        self.run(&mut store, limit).map_err(|error| Failed {
            error,
            lines: store.data().log.lines,
        })
    }

    fn look_ups(&self, key_values: &Arc<dyn KeyValues>) -> Option<LookUps> {
        let granted = self.granted.clone()?;
        Some(LookUps::new(granted, Arc::clone(key_values)))
    }

    /// As [`decide`](Self::decide), and counts what the policy's own code costs, in wasmtime's units of fuel: about one for an
    /// instruction, the same on every machine. A decision that needs more than `fuel` fails with [`EvaluationError::Fuel`].
    ///
    /// Only a policy that was loaded by [`Engine::metered`] can; for any other this is a failure of the host.
    pub fn decide_within(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        fuel: u64,
    ) -> Metered {
        self.decide_within_from(self.engine.key_values(), request, deadline, fuel)
    }

    pub(crate) fn decide_within_from(
        &self,
        key_values: &Arc<dyn KeyValues>,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        fuel: u64,
    ) -> Metered {
        let limit = self.limit(deadline);
        let phase = Phase::Decide { request, deadline };
        let mut store = self.store_with(phase, limit, self.look_ups(key_values));
        store.data_mut().fuel = fuel;
        store.data_mut().asked = Some(Questions::default());
        let verdict = store
            .set_fuel(fuel)
            .map_err(|error| EvaluationError::Host(one_line(&format!("{error:#}"))))
            .and_then(|()| self.run(&mut store, limit));
        let left = store.get_fuel().unwrap_or(fuel);
        let asked = store.data_mut().asked.take();
        Metered {
            verdict,
            fuel: fuel.saturating_sub(left),
            asked: asked.map(Questions::into_texts).unwrap_or_default(),
        }
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How long a decision may take whose answer is too late at `deadline`.
    pub(crate) fn limit(&self, deadline: Instant) -> Duration {
        let left = deadline.saturating_duration_since(Instant::now());
        self.limits.deadline.min(left)
    }

    fn run(&self, store: &mut Store<State>, limit: Duration) -> Result<Verdict, EvaluationError> {
        let instance = self.start(store, limit)?;
        self.ask(store, &instance, limit)
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
        limit: Duration,
    ) -> Result<Verdict, EvaluationError> {
        let told = tracing::enabled!(target: ASKED, tracing::Level::DEBUG);
        if told {
            store.data_mut().asked.get_or_insert_default();
        }
        let verdict = instance
            .portcullis_policy_decider()
            .call_decide(&mut *store)
            .map_err(|error| EvaluationError::of_call(&error, store.data(), limit));
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
        limit: Duration,
        look_ups: Option<LookUps>,
    ) -> Result<Verdict, EvaluationError> {
        if let Some(mut used) = reused.take(&self.engine) {
            used.store.data_mut().begin_again(phase.clone(), limit);
            used.store.data_mut().look_ups.clone_from(&look_ups);
            used.store.set_epoch_deadline(ticks(limit));
            let verdict = self.ask(&mut used.store, &used.instance, limit);
            match verdict {
                Ok(verdict) => {
                    reused.put(&self.engine, used);
                    return Ok(verdict);
                }
                Err(error @ EvaluationError::Deadline(_)) => return Err(error),
                Err(_) => {}
            }
        }
        let mut store = self.store_with(phase.clone(), limit, look_ups);
        let instance = self.start(&mut store, limit)?;
        let verdict = self.ask(&mut store, &instance, limit)?;
        let decisions = 0;
        let used = Used {
            store,
            instance,
            decisions,
        };
        reused.put(&self.engine, used);
        Ok(verdict)
    }

    /// Lets an instance of this policy make up to `decisions` decisions, one after the other.
    ///
    /// That costs a third of a fresh instance each time, and gives up what it is for: what one client sends stays in the memory in
    /// which the next one is decided. Only for policies that are trusted to keep them apart.
    #[must_use]
    pub fn reusing(mut self, decisions: NonZeroU32) -> Self {
        self.reused = Some(Reused::new(decisions));
        self
    }

    /// How many decisions an instance makes: one, unless the policy opted in to more.
    pub fn decisions_per_instance(&self) -> u32 {
        self.reused
            .as_ref()
            .map_or(1, |reused| reused.decisions().get())
    }

    /// Whether the state that `configure` left was kept. If not, every decision calls `configure` first, and the time it takes
    /// counts against the policy's deadline.
    pub const fn is_snapshotted(&self) -> bool {
        self.settings.is_none()
    }

    /// What this policy may use.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn store(&self, phase: Phase, time: Duration) -> Store<State> {
        store(&self.engine, &self.name, phase, self.limits, time)
    }

    /// A store for a decision that may look keys up.
    fn store_with(&self, phase: Phase, time: Duration, look_ups: Option<LookUps>) -> Store<State> {
        let mut store = self.store(phase, time);
        store.data_mut().look_ups = look_ups;
        store
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

/// Runs `configure` once and keeps what it did: returns the component with its memory as it is afterwards.
fn configure(
    engine: &Engine,
    instrumented: &Instrumented<'_>,
    source: Source<'_>,
    limits: Limits,
    secrets: bool,
) -> Result<Vec<u8>, LoadError> {
    let compiled = engine
        .compile(&instrumented.component)
        .map_err(|error| LoadError::compile(&error))?;
    let time = Limits::CONFIGURE_DEADLINE;
    let mut store = store(engine, source.name, Phase::Configure, limits, time);
    let instance = engine
        .linker(secrets)
        .instantiate(&mut store, &compiled)
        .map_err(|error| LoadError::start(EvaluationError::of_start(&error, store.data(), time)))?;
    let policy = PolicyBindings::new(&mut store, &instance)
        .map_err(|error| LoadError::instantiate(&error))?;
    take_settings(&mut store, &policy, source.settings, time)?;
    // The snapshot reads the whole memory at once, and in a page of its own.
    store.set_hostcall_fuel(usize::MAX);
    store.data_mut().limiter = crate::limiter::Limiter::unlimited();
    instrumented
        .snapshot(&mut store, instance)
        .map_err(|error| LoadError::snapshot(&error))
}

/// Hands the settings to a policy that is being loaded.
fn take_settings(
    store: &mut Store<State>,
    policy: &PolicyBindings,
    settings: &str,
    time: Duration,
) -> Result<(), LoadError> {
    policy
        .portcullis_policy_decider()
        .call_configure(&mut *store, settings)
        .map_err(|error| {
            LoadError::Configure(EvaluationError::of_call(&error, store.data(), time))
        })?
        .map_err(|mut refusal| {
            truncate(&mut refusal, Limits::REFUSAL_BYTES);
            LoadError::Settings(one_line(&refusal))
        })
}

/// Hands the settings to the instance that is to decide, within the time for that decision. It hears nothing of the request
/// meanwhile, and what it logs has been logged when it was loaded.
fn take_settings_again(
    store: &mut Store<State>,
    policy: &PolicyBindings,
    settings: &str,
    limit: Duration,
) -> Result<(), EvaluationError> {
    let phase = std::mem::replace(&mut store.data_mut().phase, Phase::Configure);
    store.data_mut().log.lines = usize::MAX;
    let taken = policy
        .portcullis_policy_decider()
        .call_configure(&mut *store, settings);
    let state = store.data_mut();
    (state.phase, state.log) = (phase, GuestLog::default());
    match taken {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(EvaluationError::Trapped(
            "it refuses the settings that it took when it was loaded".to_owned(),
        )),
        Err(error) => Err(EvaluationError::of_call(&error, store.data(), limit)),
    }
}

fn store(
    engine: &Engine,
    name: &PolicyName,
    phase: Phase,
    limits: Limits,
    time: Duration,
) -> Store<State> {
    let state = State::new(name.clone(), phase, engine.verifier(), limits, time);
    let mut store = Store::new(engine.wasmtime(), state);
    store.limiter(|state| &mut state.limiter);
    if engine.meters_fuel() {
        // A store without any could not take a step.
        let _ = store.set_fuel(u64::MAX);
    }
    store.set_hostcall_fuel(limits.host_call_bytes);
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
