//! One change of good evidence for each way to a finding.

mod accounts;
mod host;
mod logins;
mod servers;

use super::fixtures::Break;
use crate::doctor::finding::Code;

/// A change of good evidence, with the codes that the report then has.
pub(super) type Broken = (&'static [Code], Break);

/// Returns all breaks.
pub(super) fn all() -> impl Iterator<Item = &'static Broken> {
    let groups = [
        host::BREAKS,
        servers::BREAKS,
        accounts::BREAKS,
        logins::BREAKS,
    ];
    groups.into_iter().flatten()
}
