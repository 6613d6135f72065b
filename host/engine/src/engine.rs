//! The engine: configuration of wasmtime, the linkers, and the engines that it has beside it.

use std::sync::{Arc, OnceLock};

use portcullis_core::{KeyValues, NoKeyValues, SecretVerifier};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::background;
use crate::borrowed::{Borrowed, CodeStore};
use crate::cache::{CodeCache, CodeCacheCounts, CodeCacheOptions};
use crate::code::{CodeName, seal};
use crate::functions::Functions;
use crate::host;
use crate::limits::Limits;
use crate::policy::TransferKey;
use crate::probe::{self, Unfit};
use crate::reuse::Idle;
use crate::state::State;
use crate::ticker::Ticker;

/// How an [`Engine`] is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Most decisions at the same time. Sizes the instance pool; the caller keeps to it.
    pub max_concurrent: u32,
    /// Where compiled code is kept for the next start; nowhere if none.
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

/// The engine could not be built: a fault of the host, or of the machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// wasmtime does not run here.
    #[error("failed to build the policy engine")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No policy could run here, whatever its file.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl EngineError {
    fn new(error: wasmtime::Error) -> Self {
        Self::Unusable(error.into())
    }
}

/// Compiles and links policies. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    /// Whether compilations leave the processors to whoever else wants them.
    yields: bool,
    /// Where policies look keys up.
    key_values: Arc<dyn KeyValues>,
}

struct Inner {
    wasmtime: wasmtime::Engine,
    ordinary: Linker<State>,
    with_secrets: Linker<State>,
    shared: Shared,
    meters_fuel: bool,
    idle: Idle,
    /// Made when it is asked for.
    metered: OnceLock<Engine>,
    /// The engine for what happens once; none if this one has no pool either.
    on_demand: Option<Engine>,
}

/// What an engine has in common with those that are made of it.
#[derive(Clone)]
struct Shared {
    verifier: Arc<dyn SecretVerifier>,
    code_cache: Option<Arc<CodeCache>>,
    /// Where another process keeps compiled code for this one; it comes before the cache.
    borrowed: Arc<OnceLock<Borrowed>>,
    functions: Arc<Functions>,
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
    /// Uses a pool of instance slots; where the address space for one cannot be had (a low `ulimit -v`), allocates on
    /// demand instead and says so in the log. A cache of compiled code that cannot be trusted is done without likewise.
    /// Sees first that this process may run compiled code and has the address space for its decisions.
    ///
    /// # Errors
    ///
    /// When wasmtime does not run on this machine, or this process lacks what every policy needs.
    pub fn new(
        options: EngineOptions,
        verifier: Arc<dyn SecretVerifier>,
    ) -> Result<Self, EngineError> {
        let code_cache = options.code_cache.and_then(|cache| CodeCache::open(&cache));
        let functions = Arc::<Functions>::default();
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
        let on_demand = Self::on(on_demand, shared.clone(), false, None)?;
        let pool = pool(options.max_concurrent);
        let strategy = InstanceAllocationStrategy::Pooling(pool);
        let pooled = wasmtime::Engine::new(config.allocation_strategy(strategy));
        match pooled {
            Ok(pooled) => Self::on(pooled, shared, false, Some(on_demand)),
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

    fn on(
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
            idle: Idle::new(),
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

    /// The same engine, whose policies look keys up in `key_values`; by themselves they have no bucket.
    #[must_use]
    pub fn looking_up_in(self, key_values: Arc<dyn KeyValues>) -> Self {
        Self { key_values, ..self }
    }

    /// The same engine, whose compilations leave the processors to whoever else wants them: for what is loaded while others log in.
    /// Everything but compilation runs as ever, as it has deadlines.
    #[must_use]
    pub fn yielding(&self) -> Self {
        Self {
            yields: true,
            ..self.clone()
        }
    }

    /// The same engine with a meter: it counts what policies do, which makes them up to a tenth slower. For tests of policies, not
    /// for logins. Made once.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`].
    pub fn metered(&self) -> Result<Self, EngineError> {
        if self.inner.meters_fuel {
            return Ok(self.clone());
        }
        let metered = match self.inner.metered.get() {
            Some(engine) => engine.clone(),
            None => self.with_a_meter()?,
        };
        Ok(self.in_place_of_this(metered))
    }

    fn with_a_meter(&self) -> Result<Self, EngineError> {
        let shared = self.inner.shared.clone();
        let mut config = config(&shared.functions)?;
        let wasmtime =
            wasmtime::Engine::new(config.consume_fuel(true)).map_err(EngineError::new)?;
        let engine = Self::on(wasmtime, shared, true, None)?;
        Ok(self.inner.metered.get_or_init(|| engine).clone())
    }

    /// The same engine without a pool of instance slots, for what happens once. A slot keeps pages of whoever was in it: `configure`
    /// touches more of them than a decision, and every later decision in that slot would have them looked through.
    pub(crate) fn on_demand(&self) -> Self {
        match &self.inner.on_demand {
            Some(on_demand) => self.in_place_of_this(on_demand.clone()),
            None => self.clone(),
        }
    }

    /// The engine `other`, which gives way and looks keys up as this one does.
    fn in_place_of_this(&self, other: Self) -> Self {
        Self {
            yields: self.yields,
            key_values: Arc::clone(&self.key_values),
            ..other
        }
    }

    /// Places for instances that wait to decide again.
    pub(crate) fn idle(&self) -> &Idle {
        &self.inner.idle
    }

    pub(crate) fn meters_fuel(&self) -> bool {
        self.inner.meters_fuel
    }

    /// What the cache of compiled code was good for so far; none if there is none.
    pub fn code_cache_counts(&self) -> Option<CodeCacheCounts> {
        self.inner
            .shared
            .code_cache
            .as_ref()
            .map(|cache| cache.counts())
    }

    /// Has this engine, and those made of it, take compiled code from `store`, which seals it with `key`. For good: a second store is
    /// not used.
    pub fn borrow_code(&self, store: Arc<dyn CodeStore>, key: TransferKey) {
        // Fails if there is a store.
        let _ = self.inner.shared.borrowed.set(Borrowed { store, key });
    }

    /// Returns the code of `name` from this engine's cache, sealed with `key` for a process that has loaded the module with the digest
    /// `module`; `None` if it is not there.
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

    /// Keeps what another process has compiled from the module with the digest `module` in this engine's cache, if it has one.
    pub fn take_code_back(&self, module: &[u8; 32], name: &CodeName, code: &[u8]) {
        if let Some(cache) = &self.inner.shared.code_cache {
            cache.take_back(module, name, code.to_vec());
        }
    }

    /// Compiles a component, or finds its code in the cache.
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

    /// What links a policy, one that may read secrets or one that may not.
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

fn config(functions: &Arc<Functions>) -> Result<Config, EngineError> {
    let mut config = Config::new();
    let functions = Arc::clone(functions);
    config
        .enable_incremental_compilation(functions)
        .map_err(EngineError::new)?
        .wasm_component_model(true)
        // Policies are called synchronously; the machinery for concurrent calls would triple the cost of a call.
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(Limits::STACK)
        // A replayed request must come to the same verdict on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // A trap is told by the name of its function. A table of its instructions would be memory that nothing reads.
        .generate_address_map(false);
    Ok(config)
}

fn pool(max_concurrent: u32) -> PoolingAllocationConfig {
    /// Kept resident per slot, so that a new instance does not fault every page in again. Only a gain together
    /// with `pagemap_scan`; without it the whole area is zeroed each time.
    const KEEP_RESIDENT: usize = 256 << 10;
    /// Most core instances of a policy. A componentised module is three: the module itself and two small ones that wit-component
    /// adds. What componentize-py makes is forty, with the parts of Python and a stub for every interface of WASI. They are only
    /// counted here, nothing is set aside for them.
    const CORE_INSTANCES: u32 = 64;
    /// Most memories of a policy. All but one of them are empty in what any tool makes (componentize-qjs: three), and its limit is
    /// for all of them together. Address space is set aside for each, and nothing else.
    const MEMORIES: u32 = 4;
    /// Most tables of a policy, which are set aside likewise.
    const TABLES: u32 = 4;
    // Loading takes slots too, beside the decisions in flight, and so do instances that wait to decide again.
    let slots = max_concurrent.saturating_add(8).saturating_add(Idle::MOST);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(slots.saturating_mul(MEMORIES))
        .max_memories_per_component(MEMORIES)
        .total_tables(slots.saturating_mul(TABLES))
        .max_tables_per_component(TABLES)
        .max_memory_size(Limits::MAX_MEMORY)
        .table_elements(Limits::TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(1 << 16)
        .pagemap_scan(Enabled::Auto);
    pool
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

    /// The code of a component with so much in its memory.
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
        // One more or less: in some runs one of them is not found, for a reason that is not known.
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
