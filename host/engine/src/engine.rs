//! The engine: configuration of wasmtime, its linkers, and the engines derived from it.

mod config;
mod error;

use std::sync::{Arc, OnceLock};

use portcullis_core::{KeyValues, NoKeyValues, SecretVerifier};
use wasmtime::InstanceAllocationStrategy;
use wasmtime::component::{Component, Linker};

use crate::background;
use crate::borrowed::{Borrowed, CodeStore};
use crate::cache::{CodeCache, CodeCacheCounts, CodeCacheOptions};
use crate::code::{CodeName, seal};
use crate::function_cache::FunctionCache;
use crate::host;
use crate::pool_budget::PoolBudget;
use crate::probe;
use crate::state::State;
use crate::ticker::Ticker;
use crate::transfer_key::TransferKey;
use config::{config, pool};

pub use error::EngineError;

/// Options of an [`Engine`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Maximum number of concurrent decisions, which sizes the instance pool. The caller enforces
    /// it. Default: 256.
    pub max_concurrent: u32,
    /// Cache of compiled code for the next start. Default: `None`, no cache.
    pub code_cache: Option<CodeCacheOptions>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            max_concurrent: 256,
            code_cache: None,
        }
    }
}

/// An engine that compiles and links policies. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    /// Whether compilations run on threads of low priority.
    yields: bool,
    /// Source of the values that policies look up.
    key_values: Arc<dyn KeyValues>,
}

struct Inner {
    wasmtime: wasmtime::Engine,
    ordinary: Linker<State>,
    with_secrets: Linker<State>,
    shared: Shared,
    meters_fuel: bool,
    idle: PoolBudget,
    /// Engine with a fuel meter, built at its first use.
    metered: OnceLock<Engine>,
    /// Engine without a pool, for one-time work. `None` if this engine has no pool either.
    on_demand: Option<Engine>,
}

/// The parts that an engine shares with the engines derived from it.
#[derive(Clone)]
struct Shared {
    verifier: Arc<dyn SecretVerifier>,
    code_cache: Option<Arc<CodeCache>>,
    /// Store of compiled code in another process, which takes precedence over the cache.
    borrowed: Arc<OnceLock<Borrowed>>,
    functions: Arc<FunctionCache>,
    ticker: Arc<Ticker>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Builds an engine whose policies check secrets through `verifier`.
    ///
    /// Uses a pool of instance slots. If the address space for the pool is not available (a low
    /// `ulimit -v`), the engine allocates instances on demand and logs a warning. Likewise, it
    /// works without a code cache that cannot be trusted. First checks that this process may run
    /// compiled code and has the address space for its decisions.
    ///
    /// # Errors
    ///
    /// Fails if wasmtime does not run on this machine, or if this process lacks what every policy
    /// needs.
    pub fn new(
        options: EngineOptions,
        verifier: Arc<dyn SecretVerifier>,
    ) -> Result<Self, EngineError> {
        let code_cache = options.code_cache.and_then(|cache| CodeCache::open(&cache));
        let functions = Arc::<FunctionCache>::default();
        let ticker = Ticker::start(Arc::clone(&functions));
        let ticker = ticker.map_err(|error| EngineError::Unusable(error.into()))?;
        let shared = Shared {
            verifier,
            code_cache: code_cache.map(Arc::new),
            borrowed: Arc::default(),
            ticker: Arc::new(ticker),
            functions,
        };
        let mut config = config(&shared.functions)?;
        let on_demand = wasmtime::Engine::new(&config).map_err(EngineError::new)?;
        probe::code(&on_demand)?;
        let on_demand = Self::from_wasmtime(on_demand, shared.clone(), false, None)?;
        let pool = pool(options.max_concurrent);
        let strategy = InstanceAllocationStrategy::Pooling(pool);
        let pooled = wasmtime::Engine::new(config.allocation_strategy(strategy));
        match pooled {
            Ok(pooled) => Self::from_wasmtime(pooled, shared, false, Some(on_demand)),
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "no instance pool: instances are allocated on demand, which is slower"
                );
                probe::instances(on_demand.wasmtime(), options.max_concurrent)?;
                Ok(on_demand)
            }
        }
    }

    fn from_wasmtime(
        wasmtime: wasmtime::Engine,
        shared: Shared,
        meters_fuel: bool,
        on_demand: Option<Self>,
    ) -> Result<Self, EngineError> {
        let linker = |secrets| {
            let mut linker = Linker::new(&wasmtime);
            host::add_to_linker(&mut linker, secrets)
                .map(|()| linker)
                .map_err(EngineError::new)
        };
        shared.ticker.tick_for(&wasmtime);
        let inner = Inner {
            ordinary: linker(false)?,
            with_secrets: linker(true)?,
            shared,
            meters_fuel,
            idle: PoolBudget::new(),
            metered: OnceLock::new(),
            on_demand,
            wasmtime,
        };
        Ok(Self {
            inner: Arc::new(inner),
            yields: false,
            key_values: Arc::new(NoKeyValues),
        })
    }

    /// Returns the engine with `key_values` as the source of its policies' look-ups. By default, an
    /// engine has no buckets.
    #[must_use]
    pub fn with_key_values(self, key_values: Arc<dyn KeyValues>) -> Self {
        Self { key_values, ..self }
    }

    /// Returns an engine whose compilations run on threads of low priority, for policies that are
    /// loaded while clients log in. Everything except compilation has deadlines and runs as usual.
    #[must_use]
    pub fn low_priority(&self) -> Self {
        Self {
            yields: true,
            ..self.clone()
        }
    }

    /// Returns an engine with a fuel meter, which counts what policies do and makes them up to a
    /// tenth slower. For tests of policies, not for logins. The meter is built once.
    ///
    /// # Errors
    ///
    /// Fails as [`Engine::new`] does.
    pub fn metered(&self) -> Result<Self, EngineError> {
        if self.inner.meters_fuel {
            return Ok(self.clone());
        }
        let metered = match self.inner.metered.get() {
            Some(engine) => engine.clone(),
            None => self.with_a_meter()?,
        };
        Ok(self.with_handle_of(metered))
    }

    fn with_a_meter(&self) -> Result<Self, EngineError> {
        let shared = self.inner.shared.clone();
        let mut config = config(&shared.functions)?;
        let wasmtime =
            wasmtime::Engine::new(config.consume_fuel(true)).map_err(EngineError::new)?;
        let engine = Self::from_wasmtime(wasmtime, shared, true, None)?;
        Ok(self.inner.metered.get_or_init(|| engine).clone())
    }

    /// Returns an engine without a pool of instance slots, for one-time work. A slot keeps pages of
    /// its last instance resident. `configure` touches more pages than a decision, and each later
    /// decision in that slot would scan them.
    pub(crate) fn on_demand(&self) -> Self {
        match &self.inner.on_demand {
            Some(on_demand) => self.with_handle_of(on_demand.clone()),
            None => self.clone(),
        }
    }

    /// Returns the engine `other` with the priority and the look-ups of this one.
    fn with_handle_of(&self, other: Self) -> Self {
        Self {
            yields: self.yields,
            key_values: Arc::clone(&self.key_values),
            ..other
        }
    }

    /// Returns the places for idle instances.
    pub(crate) fn idle(&self) -> &PoolBudget {
        &self.inner.idle
    }

    pub(crate) fn meters_fuel(&self) -> bool {
        self.inner.meters_fuel
    }

    /// Returns the counters of the code cache. `None` without a cache.
    pub fn code_cache_counts(&self) -> Option<CodeCacheCounts> {
        self.inner
            .shared
            .code_cache
            .as_ref()
            .map(|cache| cache.counts())
    }

    /// Makes this engine, and those derived from it, take compiled code from `store`, which seals
    /// it with `key`. The choice is permanent: a second store is ignored.
    pub fn borrow_code(&self, store: Arc<dyn CodeStore>, key: TransferKey) {
        // Setting fails if a store is already set.
        let _ = self.inner.shared.borrowed.set(Borrowed { store, key });
    }

    /// Returns the code of `name` from this engine's cache, sealed with `key` for a process that
    /// has loaded the module with the digest `module`. `None` if the cache does not have it.
    pub fn lend_code(
        &self,
        module: &[u8; 32],
        name: &CodeName,
        key: &TransferKey,
    ) -> Option<Vec<u8>> {
        let cache = self.inner.shared.code_cache.as_ref()?;
        let code = cache.lend(module, name)?;
        Some(seal(key.hmac(), name.to_bytes().to_vec(), &code))
    }

    /// Stores what another process has compiled from the module with the digest `module` in this
    /// engine's cache, if it has one.
    pub fn take_code_back(&self, module: &[u8; 32], name: &CodeName, code: &[u8]) {
        if let Some(cache) = &self.inner.shared.code_cache {
            cache.take_back(module, name, code.to_vec());
        }
    }

    /// Compiles a component, or takes its code from the cache.
    pub(crate) fn compile(&self, component: &[u8]) -> wasmtime::Result<Component> {
        let shared = &self.inner.shared;
        let compile = || match (shared.borrowed.get(), &shared.code_cache) {
            (Some(borrowed), _) => borrowed.compile(self.wasmtime(), component),
            (None, Some(cache)) => cache.compile(self.wasmtime(), component),
            (None, None) => Component::from_binary(self.wasmtime(), component),
        };
        if self.yields {
            background::run(compile)
        } else {
            compile()
        }
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.wasmtime
    }

    /// Returns the linker of policies with or without the grant `secrets`.
    pub(crate) fn linker(&self, secrets: bool) -> &Linker<State> {
        if secrets {
            &self.inner.with_secrets
        } else {
            &self.inner.ordinary
        }
    }

    pub(crate) fn key_values(&self) -> &Arc<dyn KeyValues> {
        &self.key_values
    }

    pub(crate) fn verifier(&self) -> Arc<dyn SecretVerifier> {
        Arc::clone(&self.inner.shared.verifier)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use portcullis_core::{Asker, HashError, Secret};

    use super::*;

    struct NoSecrets;

    impl SecretVerifier for NoSecrets {
        fn matches(
            &self,
            _: &Secret,
            _: &str,
            _: Asker<'_>,
            _: Instant,
        ) -> Result<bool, HashError> {
            Ok(false)
        }

        fn check(&self, _: &str) -> Result<(), HashError> {
            Ok(())
        }
    }

    fn engine() -> Engine {
        Engine::new(EngineOptions::default(), Arc::new(NoSecrets)).unwrap()
    }

    /// Returns the code of a component with `memory` as its content.
    fn code(engine: &Engine, memory: &str) -> Vec<u8> {
        let component = format!(
            r#"(component
                (core module $m
                    (memory 1)
                    (data (i32.const 0) "{memory}")
                    (global $calls (export "calls") (mut i32) (i32.const 0))
                    (func (export "f") (result i32)
                        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                        (i32.load (global.get $calls))))
                (core instance (instantiate $m)))"#
        );
        let component = engine.compile(&wat::parse_str(component).unwrap()).unwrap();
        component.serialize().unwrap()
    }

    #[test]
    fn another_memory_has_few_functions_compiled_again_and_the_code_is_the_same() {
        let engine = engine();
        code(&engine, "as it was built");
        let kept = engine.inner.shared.functions.count();
        let code_of_kept = code(&engine.on_demand(), "as configured");
        // A tolerance of one: in some runs, one function is not found for an unknown reason.
        let compiled_again = engine.inner.shared.functions.count() - kept;
        assert!(2 * compiled_again < kept, "{compiled_again} of {kept}");
        assert_eq!(code_of_kept, code(&self::engine(), "as configured"));
    }

    #[test]
    fn what_counts_fuel_has_code_of_its_own() {
        let engine = engine();
        let ordinary = code(&engine, "the same");
        let metered = code(&engine.metered().unwrap(), "the same");
        assert_ne!(ordinary, metered);
        assert_eq!(
            metered,
            code(&self::engine().metered().unwrap(), "the same")
        );
    }
}
