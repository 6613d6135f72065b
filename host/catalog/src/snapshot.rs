//! One immutable set of policies, and what it decides.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{
    AuthorizationRequest, Decision, Denial, DenialClass, Outcome, PolicyName, PolicyRef, Verdict,
};
use portcullis_engine::Policy;

use crate::chain::Condition;

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
    /// Asked about every login, first. They may deny and nothing else.
    guards: Vec<Link>,
    /// The first one that fits a login decides it.
    chains: Vec<Route>,
    /// Decides the others.
    chain: Vec<Link>,
}

/// A chain for some logins.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) logins: Condition,
    pub(crate) chain: Vec<Link>,
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

/// Whether the policies asked are guards, whose permits count for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Guard,
    Decider,
}

impl Snapshot {
    pub(crate) const fn new(guards: Vec<Link>, chains: Vec<Route>, chain: Vec<Link>) -> Self {
        Self {
            guards,
            chains,
            chain,
        }
    }

    /// The policies in service, in order: guards, the chains for some logins, the chain for the others. Each once.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyRef> {
        let loaded = self.links().filter_map(|link| match link {
            Link::Policy(loaded) => Some(&loaded.reference),
            Link::Missing(_) => None,
        });
        once_each(loaded, |reference| &reference.name)
    }

    /// Policies that the configuration lists and that have no good version: no login gets past them. Each once.
    pub fn missing(&self) -> impl Iterator<Item = &PolicyName> {
        let missing = self.links().filter_map(|link| match link {
            Link::Missing(name) => Some(name),
            Link::Policy(_) => None,
        });
        once_each(missing, |name| name)
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        let chains = self.chains.iter().flat_map(|route| &route.chain);
        self.guards.iter().chain(chains).chain(&self.chain)
    }

    /// Asks the guards, and then the policies of the chain the login is for, in order until one does not abstain. Blocks.
    pub fn decide(&self, request: &Arc<AuthorizationRequest>, deadline: Instant) -> Decision {
        let mut abstained = Vec::new();
        let guards = (&*self.guards, Role::Guard);
        let route = self.chains.iter().find(|route| route.logins.fits(request));
        let chain = route.map_or(&*self.chain, |route| &*route.chain);
        for (links, role) in [guards, (chain, Role::Decider)] {
            let asked = ask(links, role, request, deadline, &mut abstained);
            if let Some((outcome, policy)) = asked {
                return Decision {
                    outcome,
                    policy,
                    abstained,
                };
            }
        }
        let (class, reason) = match route {
            Some(route) => (
                DenialClass::EndOfChain,
                format!("every policy of chain `{}` abstained", route.name),
            ),
            None if self.chain.is_empty() => (
                DenialClass::NoPolicy,
                "no policy is in service for this login".to_owned(),
            ),
            None => (DenialClass::EndOfChain, "every policy abstained".to_owned()),
        };
        Decision {
            outcome: Outcome::Deny(Denial::new(class, reason)),
            policy: None,
            abstained,
        }
    }
}

/// What comes of asking `links`, and by whose word; nothing if none of them decides.
fn ask(
    links: &[Link],
    role: Role,
    request: &Arc<AuthorizationRequest>,
    deadline: Instant,
    abstained: &mut Vec<PolicyName>,
) -> Option<(Outcome, Option<PolicyRef>)> {
    let deny = |class, reason: String| Outcome::Deny(Denial::new(class, reason));
    for link in links {
        let loaded = match link {
            Link::Policy(loaded) => loaded,
            Link::Missing(name) => {
                let reason = format!("policy `{name}` is required and has no good version");
                return Some((deny(DenialClass::NoPolicy, reason), None));
            }
        };
        if deadline <= Instant::now() {
            let reason = "the request's deadline passed before every policy was asked".to_owned();
            return Some((deny(DenialClass::Deadline, reason), None));
        }
        let outcome = match loaded.policy.decide(Arc::clone(request), deadline) {
            Ok(Verdict::Permit(permit)) if role == Role::Decider => Outcome::Permit(permit),
            Ok(Verdict::Deny(reason)) => deny(DenialClass::PolicyDenied, reason),
            Err(error) => Outcome::Deny(error.denial()),
            // A guard that permits has no objection; what it grants counts for nothing.
            Ok(Verdict::Abstain | Verdict::Permit(_)) => {
                abstained.push(loaded.reference.name.clone());
                continue;
            }
        };
        return Some((outcome, Some(loaded.reference.clone())));
    }
    None
}

/// What `items` are, each name once, where it stands first.
fn once_each<'a, T>(
    items: impl Iterator<Item = &'a T>,
    name: impl Fn(&'a T) -> &'a PolicyName,
) -> impl Iterator<Item = &'a T>
where
    T: 'a,
{
    let mut seen = BTreeSet::new();
    items.filter(move |item| seen.insert(name(item)))
}
