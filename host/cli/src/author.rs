//! The tools of policy authors: `portcullis policy new`, `build`, `test`, `bench`, `lint` and
//! `watch`.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod crate_build;
mod hints;
pub(crate) mod lint;
pub(crate) mod new;
mod policy_log;
mod sdk;
pub(crate) mod template;
pub(crate) mod test;
pub(crate) mod watch;

use std::path::Path;

use portcullis_catalog::{CatalogOptions, Prover};

/// Returns the options for policies in `directory` that are not put in service: they have the
/// grants that their tests need. `prover` loads them.
pub(crate) fn options(directory: &Path, prover: &Prover) -> CatalogOptions {
    CatalogOptions {
        prover: prover.clone(),
        assumes_grants: true,
        ..CatalogOptions::new(directory)
    }
}
