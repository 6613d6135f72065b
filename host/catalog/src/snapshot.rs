//! One immutable chain of policies, and what it decides.

use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{
    AuthorizationRequest, Decision, Denial, DenialClass, Outcome, PolicyName, PolicyRef, Verdict,
};
use portcullis_engine::Policy;

/// One version of one policy, in service.
#[derive(Debug)]
pub struct LoadedPolicy {
    /// Its name, digest and generation.
    pub reference: PolicyRef,
    pub(crate) policy: Policy,
}

/// The policies in service, in the order they are asked. Never changes; a reload publishes another one.
#[derive(Debug, Default)]
pub struct Snapshot {
    chain: Vec<Link>,
}

/// One place in the chain.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// A policy to ask.
    Policy(Arc<LoadedPolicy>),
    /// A policy that the configuration lists and that has no good version. Nobody gets past it:
    /// skipping it could let in whom it would have refused.
    Missing(PolicyName),
}

impl Snapshot {
    pub(crate) const fn new(chain: Vec<Link>) -> Self {
        Self { chain }
    }

    /// The policies in service, in order.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyRef> {
        self.chain.iter().filter_map(|link| match link {
            Link::Policy(loaded) => Some(&loaded.reference),
            Link::Missing(_) => None,
        })
    }

    /// Policies that the configuration lists and that have no good version: no login gets past them.
    pub fn missing(&self) -> impl Iterator<Item = &PolicyName> {
        self.chain.iter().filter_map(|link| match link {
            Link::Missing(name) => Some(name),
            Link::Policy(_) => None,
        })
    }

    /// Asks the policies in order until one does not abstain. Blocks.
    pub fn decide(&self, request: &Arc<AuthorizationRequest>, deadline: Instant) -> Decision {
        let mut abstained = Vec::new();
        for link in &self.chain {
            let loaded = match link {
                Link::Policy(loaded) => loaded,
                Link::Missing(name) => {
                    let reason =
                        format!("policy `{name}` is listed in `order` and has no good version");
                    return conclude(Denial::new(DenialClass::NoPolicy, reason), None, abstained);
                }
            };
            let policy = Some(loaded.reference.clone());
            if deadline <= Instant::now() {
                let reason = "the request's deadline passed before every policy was asked";
                return conclude(Denial::new(DenialClass::Deadline, reason), None, abstained);
            }
            match loaded.policy.decide(Arc::clone(request), deadline) {
                Ok(Verdict::Abstain) => abstained.push(loaded.reference.name.clone()),
                Ok(Verdict::Permit(permit)) => {
                    return Decision {
                        outcome: Outcome::Permit(permit),
                        policy,
                        abstained,
                    };
                }
                Ok(Verdict::Deny(reason)) => {
                    return conclude(
                        Denial::new(DenialClass::PolicyDenied, reason),
                        policy,
                        abstained,
                    );
                }
                Err(error) => return conclude(error.denial(), policy, abstained),
            }
        }
        let denial = if self.chain.is_empty() {
            Denial::new(DenialClass::NoPolicy, "no policy is in service")
        } else {
            Denial::new(DenialClass::EndOfChain, "every policy abstained")
        };
        conclude(denial, None, abstained)
    }
}

const fn conclude(
    denial: Denial,
    policy: Option<PolicyRef>,
    abstained: Vec<PolicyName>,
) -> Decision {
    Decision {
        outcome: Outcome::Deny(denial),
        policy,
        abstained,
    }
}
