//! One immutable set of policies, and what it decides.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{
    AuthorizationRequest, Decision, Denial, DenialClass, Outcome, PolicyName, PolicyRef, Verdict,
};
use portcullis_engine::{Attempt, BudgetExceeded, Comparisons, EvaluationError, Policy};

use crate::pace::Pace;
use crate::routes::{Route, Routes};

/// One version of one policy, in service.
#[derive(Debug)]
pub struct LoadedPolicy {
    /// Its name, digest and generation.
    pub reference: Arc<PolicyRef>,
    pub(crate) policy: Policy,
    pub(crate) pace: Pace,
}

/// The policies in service, in the order they are asked. Never changes; a reload publishes another one.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Asked about every login, first. They may deny and nothing else.
    guards: Vec<Link>,
    /// The first one that fits a login decides it.
    chains: Routes,
    /// Decides the others.
    chain: Vec<Link>,
    /// Maximum number of comparisons of a client's secrets that all policies of a login make
    /// together.
    comparisons: usize,
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
    /// Number of comparisons of a client's secrets that a login's policies may always make
    /// together. More are allowed if the limit of one policy is higher.
    const MIN_COMPARISONS: usize = 64;

    pub(crate) fn new(guards: Vec<Link>, chains: Vec<Route>, chain: Vec<Link>) -> Self {
        let mut snapshot = Self {
            guards,
            chains: Routes::new(chains),
            chain,
            comparisons: Self::MIN_COMPARISONS,
        };
        let limits = snapshot.links().filter_map(|link| match link {
            Link::Policy(loaded) => Some(loaded.policy.limits().comparisons),
            Link::Missing(_) => None,
        });
        snapshot.comparisons = limits.fold(Self::MIN_COMPARISONS, usize::max);
        snapshot
    }

    /// The policies in service, in order: guards, the chains for some logins, the chain for the others. Each once.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyRef> {
        let loaded = self.links().filter_map(|link| match link {
            Link::Policy(loaded) => Some(&*loaded.reference),
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
        self.go_on(self.start(), request, deadline)
    }

    /// Starts a decision of which nothing is done yet.
    pub(crate) fn start(&self) -> Progress {
        Progress {
            abstained: Vec::new(),
            exceeded: None,
            comparisons: Arc::new(Comparisons::at_most(self.comparisons)),
        }
    }

    /// As [`decide`](Self::decide), on a thread that should not be kept: gives up once one of the policies has run for `at_most`, and
    /// before one that often does.
    pub(crate) fn begin(
        &self,
        request: &Arc<AuthorizationRequest>,
        deadline: Instant,
        at_most: Duration,
    ) -> Result<Decision, Progress> {
        let mut progress = self.start();
        let comparisons = Arc::clone(&progress.comparisons);
        let asked = self.ask(&mut progress, request, deadline, |loaded, _| {
            if loaded.pace.is_slow() {
                return Err(None);
            }
            let evaluation = loaded
                .policy
                .evaluate(Arc::clone(request), deadline)
                .with_comparisons(&comparisons);
            match evaluation.run_inline(at_most) {
                Attempt::Decided(verdict) => Ok(verdict),
                Attempt::BudgetExceeded(exceeded) => {
                    loaded.pace.gave_up();
                    Err(Some(exceeded))
                }
            }
        });
        match asked {
            Ok((outcome, policy)) => Ok(progress.into_decision(outcome, policy)),
            Err(exceeded) => Err(Progress {
                exceeded,
                ..progress
            }),
        }
    }

    /// Goes on where [`begin`](Self::begin) gave up. Blocks.
    pub(crate) fn go_on(
        &self,
        mut progress: Progress,
        request: &Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Decision {
        let comparisons = Arc::clone(&progress.comparisons);
        let asked = self.ask(&mut progress, request, deadline, |loaded, exceeded| {
            let evaluation = loaded
                .policy
                .evaluate(Arc::clone(request), deadline)
                .with_comparisons(&comparisons);
            Ok::<_, Infallible>(match exceeded {
                Some(exceeded) => evaluation.resume(exceeded),
                None => evaluation.run(),
            })
        });
        let Ok((outcome, policy)) = asked;
        progress.into_decision(outcome, policy)
    }

    /// What comes of asking the policies for a login that were not asked yet, and by whose word.
    fn ask<E>(
        &self,
        progress: &mut Progress,
        request: &AuthorizationRequest,
        deadline: Instant,
        verdict_of: impl Fn(&LoadedPolicy, Option<BudgetExceeded>) -> Result<VerdictOf, E>,
    ) -> Result<(Outcome, Option<Arc<PolicyRef>>), E> {
        let deny = |class, reason: String| Outcome::Deny(Denial::new(class, reason));
        let route = self.chains.find(request);
        let guards = self.guards.iter().map(|link| (link, Role::Guard));
        let chain = route.map_or(&*self.chain, |route| &*route.chain).iter();
        let links = guards.chain(chain.map(|link| (link, Role::Decider)));
        for (link, role) in links.skip(progress.abstained.len()) {
            let loaded = match link {
                Link::Policy(loaded) => loaded,
                Link::Missing(name) => {
                    let reason = format!("policy `{name}` is required and has no good version");
                    return Ok((deny(DenialClass::NoPolicy, reason), None));
                }
            };
            if deadline <= Instant::now() {
                let reason =
                    "the request's deadline passed before every policy was asked".to_owned();
                return Ok((deny(DenialClass::Deadline, reason), None));
            }
            let verdict = verdict_of(loaded, progress.exceeded.take())?;
            loaded.pace.decided();
            let outcome = match verdict {
                Ok(Verdict::Permit(permit)) if role == Role::Decider => Outcome::Permit(permit),
                Ok(Verdict::Deny(reason)) => deny(DenialClass::PolicyDenied, reason),
                Err(error) => Outcome::Deny(error.denial()),
                // A guard that permits has no objection; what it grants counts for nothing.
                Ok(Verdict::Abstain | Verdict::Permit(_)) => {
                    progress.abstained.push(loaded.reference.name.clone());
                    continue;
                }
            };
            return Ok((outcome, Some(Arc::clone(&loaded.reference))));
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
        Ok((deny(class, reason), None))
    }
}

/// What one policy answers.
type VerdictOf = Result<Verdict, EvaluationError>;

/// How far a decision has come.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The policies that were asked, guards included.
    abstained: Vec<PolicyName>,
    /// Inline attempt of the next one, if it exceeded its budget.
    exceeded: Option<BudgetExceeded>,
    /// Comparisons of the client's secrets, by all policies together.
    comparisons: Arc<Comparisons>,
}

impl Progress {
    fn into_decision(self, outcome: Outcome, policy: Option<Arc<PolicyRef>>) -> Decision {
        Decision {
            outcome,
            policy,
            abstained: self.abstained,
        }
    }
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
