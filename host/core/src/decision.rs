//! What a policy says, and what it comes to.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use crate::{AuthorizationRequest, Permit, PolicyName, PolicyRef};

/// What one policy says of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives for each login in flight; most of them are permits"
)]
pub enum Verdict {
    /// Let the client in.
    Permit(Permit),
    /// Refuse it, for this reason.
    Deny(String),
    /// Not this policy's business.
    Abstain,
}

/// What a request comes to, and which policy made it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// In or out.
    pub outcome: Outcome,
    /// The policy that decided; none if no policy did.
    pub policy: Option<Arc<PolicyRef>>,
    /// The policies that abstained before it, in order.
    pub abstained: Vec<PolicyName>,
}

/// In or out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives for each login in flight; most of them are permits"
)]
pub enum Outcome {
    /// In.
    Permit(Permit),
    /// Out.
    Deny(Denial),
}

/// A refusal. For the operator: the client learns only that it was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Which of the known ways to be refused.
    pub class: DenialClass,
    /// One line that says why.
    pub reason: String,
}

/// Every way to be refused. Nothing refuses a login without one of these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DenialClass {
    /// A policy said no.
    PolicyDenied,
    /// What the client presented does not prove what it should.
    IdentityRejected,
    /// What the client presented cannot be verified now: the issuer's keys cannot be had.
    IdentityUnavailable,
    /// There were too many failed attempts from that address or for that user.
    Throttled,
    /// Every policy abstained.
    EndOfChain,
    /// No policy is in service.
    NoPolicy,
    /// A policy's code trapped.
    PolicyTrapped,
    /// A policy ran longer than it may.
    PolicyDeadline,
    /// A policy wanted more memory than it may have, or larger tables.
    PolicyMemory,
    /// A policy handed over more than it may.
    PolicyOutput,
    /// A policy compared the client's password or token with more hashes than it may.
    PolicyComparisons,
    /// What a policy handed over cannot be read.
    InvalidOutput,
    /// A policy's permit cannot be signed.
    InvalidPermit,
    /// A policy chose an account that the host does not sign for.
    AccountNotAllowed,
    /// A policy chose a role that the host has no signing key for.
    RoleNotAllowed,
    /// The client does not come from one of the permit's networks.
    SourceNotAllowed,
    /// The client is not connected in one of the permit's ways.
    ConnectionTypeNotAllowed,
    /// The permit does not hold at this time of the day.
    TimeNotAllowed,
    /// A permit goes beyond a ceiling that refuses rather than clips.
    CeilingExceeded,
    /// The request's deadline passed before a decision was made.
    Deadline,
    /// The host has more requests in flight than it takes.
    Overloaded,
    /// The host's own rules refuse what it was about to send: a fault of the host.
    InvalidResponse,
    /// Something broke in the host.
    Internal,
}

/// Whose fault a refusal is, for those that are somebody's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The policy's.
    Guest,
    /// The host's.
    Host,
}

impl DenialClass {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::PolicyDenied,
        Self::IdentityRejected,
        Self::IdentityUnavailable,
        Self::Throttled,
        Self::EndOfChain,
        Self::NoPolicy,
        Self::PolicyTrapped,
        Self::PolicyDeadline,
        Self::PolicyMemory,
        Self::PolicyOutput,
        Self::PolicyComparisons,
        Self::InvalidOutput,
        Self::InvalidPermit,
        Self::AccountNotAllowed,
        Self::RoleNotAllowed,
        Self::SourceNotAllowed,
        Self::ConnectionTypeNotAllowed,
        Self::TimeNotAllowed,
        Self::CeilingExceeded,
        Self::Deadline,
        Self::Overloaded,
        Self::InvalidResponse,
        Self::Internal,
    ];

    /// The name in logs, metrics and the response.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolicyDenied => "policy-denied",
            Self::IdentityRejected => "identity-rejected",
            Self::IdentityUnavailable => "identity-unavailable",
            Self::Throttled => "throttled",
            Self::EndOfChain => "end-of-chain",
            Self::NoPolicy => "no-policy",
            Self::PolicyTrapped => "policy-trapped",
            Self::PolicyDeadline => "policy-deadline",
            Self::PolicyMemory => "policy-memory",
            Self::PolicyOutput => "policy-output",
            Self::PolicyComparisons => "policy-comparisons",
            Self::InvalidOutput => "invalid-output",
            Self::InvalidPermit => "invalid-permit",
            Self::AccountNotAllowed => "account-not-allowed",
            Self::RoleNotAllowed => "role-not-allowed",
            Self::SourceNotAllowed => "source-not-allowed",
            Self::ConnectionTypeNotAllowed => "connection-type-not-allowed",
            Self::TimeNotAllowed => "time-not-allowed",
            Self::CeilingExceeded => "ceiling-exceeded",
            Self::Deadline => "deadline",
            Self::Overloaded => "overloaded",
            Self::InvalidResponse => "invalid-response",
            Self::Internal => "internal",
        }
    }

    /// Whose fault it is; none for a refusal that is simply a refusal.
    pub const fn blame(self) -> Option<Blame> {
        match self {
            Self::PolicyTrapped
            | Self::PolicyDeadline
            | Self::PolicyMemory
            | Self::PolicyOutput
            | Self::PolicyComparisons
            | Self::InvalidOutput
            | Self::InvalidPermit
            | Self::AccountNotAllowed
            | Self::RoleNotAllowed
            | Self::CeilingExceeded => Some(Blame::Guest),
            Self::NoPolicy
            | Self::IdentityUnavailable
            | Self::Deadline
            | Self::Overloaded
            | Self::InvalidResponse
            | Self::Internal => Some(Blame::Host),
            Self::PolicyDenied
            | Self::IdentityRejected
            | Self::Throttled
            | Self::EndOfChain
            | Self::SourceNotAllowed
            | Self::ConnectionTypeNotAllowed
            | Self::TimeNotAllowed => None,
        }
    }
}

impl Blame {
    /// The name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for DenialClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Denial {
    /// A refusal of `class`, because of `reason`.
    pub fn new(class: DenialClass, reason: impl Into<String>) -> Self {
        Self {
            class,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.class, self.reason)
    }
}

impl Decision {
    /// A refusal that no policy made.
    pub fn deny(class: DenialClass, reason: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Deny(Denial::new(class, reason)),
            policy: None,
            abstained: Vec::new(),
        }
    }
}

/// Whoever turns requests into decisions. The callout service is generic over it; the catalog
/// of policies is one.
pub trait Authorizer: Send + Sync + 'static {
    /// Decides one request, before `deadline` if it can. Every failure is a [`DenialClass`]: this
    /// never fails and never panics.
    fn authorize(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> impl Future<Output = Decision> + Send;

    /// Returns the versions of policies that decide now, for people who ask the service about them.
    fn policies(&self) -> Vec<PolicyRef> {
        Vec::new()
    }

    /// Returns why logins cannot be decided now, whatever they present; `None` if they can.
    ///
    /// A host whose authorizer cannot decide leaves logins to other hosts.
    fn cannot_decide(&self) -> Option<String> {
        None
    }
}
