//! Policies in service, and their places in chains.

use std::sync::Arc;

use portcullis_core::{PolicyName, PolicyRef};
use portcullis_engine::Policy;

use crate::seen::SeenLogins;
use crate::slowness::Slowness;
use crate::tally::Tally;

/// One version of one policy in service.
#[derive(Debug)]
pub struct LoadedPolicy {
    /// Name, digest and generation of the version.
    pub reference: Arc<PolicyRef>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) slowness: Slowness,
    /// Logins that versions of the policy have decided.
    pub(crate) seen: Arc<SeenLogins>,
    /// Decisions that versions of the policy have made.
    pub(crate) tally: Arc<Tally>,
}

/// One place in a chain.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// A policy to evaluate.
    Policy(Arc<LoadedPolicy>),
    /// A policy that the configuration lists and that has no good version. The host denies each
    /// login that reaches it: the policy might have denied the login.
    Missing(PolicyName),
}
