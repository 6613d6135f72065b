//! Metrics of the code cache.

use portcullis_core::Sample;
use portcullis_engine::CodeCacheCounts;

/// Returns the hits, misses and refusals of the cache.
pub(crate) fn samples(counts: CodeCacheCounts) -> Vec<Sample> {
    vec![
        Sample::counter(
            "code_cache_hits",
            "Components whose compiled code was in the cache",
            counts.hits,
        ),
        Sample::counter(
            "code_cache_misses",
            "Components that were compiled because their code was not in the cache",
            counts.misses,
        ),
        Sample::counter(
            "code_cache_refused",
            "Entries of the cache of compiled code that were not used, because this host did not write them so",
            counts.refused,
        ),
    ]
}
