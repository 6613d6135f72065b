//! The configuration of wasmtime, and of its pool of instance slots.

use std::sync::Arc;

use wasmtime::{Config, Enabled, PoolingAllocationConfig};

use super::error::EngineError;
use crate::function_cache::FunctionCache;
use crate::limits::Limits;
use crate::pool_budget::PoolBudget;

pub(super) fn config(functions: &Arc<FunctionCache>) -> Result<Config, EngineError> {
    let mut config = Config::new();
    let functions = Arc::clone(functions);
    config
        .enable_incremental_compilation(functions)
        .map_err(EngineError::new)?
        .wasm_component_model(true)
        // Policies are called synchronously. Support for concurrent calls would triple the cost of
        // a call.
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(Limits::STACK)
        // A replayed request must lead to the same verdict on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // An error names the function of a trap. An address map of its instructions would take
        // memory without a use.
        .generate_address_map(false);
    Ok(config)
}

pub(super) fn pool(max_concurrent: u32) -> PoolingAllocationConfig {
    /// Resident memory per slot, in bytes, so that a new instance does not fault in every page.
    /// This pays off only with `pagemap_scan`; without it, the whole area is zeroed each time.
    const KEEP_RESIDENT: usize = 256 << 10;
    /// Maximum number of core instances of a policy. A componentised module has three: the module
    /// itself and two small ones that wit-component adds. Components of componentize-py have forty,
    /// with the parts of Python and a stub for every interface of WASI. The pool counts them and
    /// reserves nothing for them.
    const CORE_INSTANCES: u32 = 64;
    /// Maximum number of memories of a policy. In components of the usual tools, all but one are
    /// empty (componentize-qjs has three). The memory limit applies to all of them together. The
    /// pool reserves only address space for each.
    const MEMORIES: u32 = 4;
    /// Maximum number of tables of a policy. The pool reserves space for each.
    const TABLES: u32 = 4;
    // Loading a policy takes slots in addition to those of decisions in flight, and so do idle
    // instances.
    let slots = max_concurrent
        .saturating_add(8)
        .saturating_add(PoolBudget::MAX_IDLE);
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
