//! Denials, and their classes.

use std::fmt;

/// A denial, for the operator. The client learns only that its login was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Class of the denial.
    pub class: DenialClass,
    /// Reason, on one line.
    pub reason: String,
}

/// Every class of denial. The host denies no login without one of these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DenialClass {
    /// A policy denied the login.
    PolicyDenied,
    /// The credentials of the client do not prove its identity.
    IdentityRejected,
    /// The proof that a caller of the token exchange holds its seed does not hold.
    ProofRejected,
    /// The host cannot verify the credentials now, because it does not have the issuer's keys.
    IdentityUnavailable,
    /// The client's address or user had too many failed attempts.
    Throttled,
    /// Every policy abstained.
    EndOfChain,
    /// No policy is in service.
    NoPolicy,
    /// A policy's code trapped.
    PolicyTrapped,
    /// A policy exceeded its time limit.
    PolicyDeadline,
    /// A policy requested more memory, or larger tables, than its limits allow.
    PolicyMemory,
    /// A policy returned more than its limits allow.
    PolicyOutput,
    /// A policy compared the client's password or token with more hashes than its limits allow.
    PolicyComparisons,
    /// The host cannot read what a policy returned.
    InvalidOutput,
    /// A policy's permit cannot be signed.
    InvalidPermit,
    /// A policy chose an account that the host does not sign for.
    AccountNotAllowed,
    /// A policy chose a new account, and the host cannot make it, or the server does not have it
    /// yet.
    AccountUnavailable,
    /// The caller of the token exchange asks for an account of its choice, and its token lacks the
    /// scope that this needs.
    ScopeMissing,
    /// An operator has locked the user, the issuer, the account, the policy or the network of the
    /// login, or the host does not know the locks.
    Locked,
    /// A policy chose a role that the host has no signing key for.
    RoleNotAllowed,
    /// The client's address is in none of the permit's networks.
    SourceNotAllowed,
    /// The client's connection is of none of the permit's types.
    ConnectionTypeNotAllowed,
    /// The permit does not hold at this time of the day.
    TimeNotAllowed,
    /// A permit exceeds a ceiling that is set to refuse instead of clip.
    CeilingExceeded,
    /// The request's deadline passed before a decision was made.
    Deadline,
    /// The host has reached its limit of requests in flight.
    Overloaded,
    /// The response breaks the server's rules, so the host does not send it. This is a fault of the
    /// host.
    InvalidResponse,
    /// An internal failure of the host.
    Internal,
}

/// The party at fault for a denial that a fault caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The policy.
    Guest,
    /// The host.
    Host,
}

impl DenialClass {
    /// All classes.
    pub const ALL: [Self; 27] = [
        Self::PolicyDenied,
        Self::IdentityRejected,
        Self::ProofRejected,
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
        Self::AccountUnavailable,
        Self::ScopeMissing,
        Self::Locked,
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

    /// Returns the name in logs, metrics and the response.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolicyDenied => "policy-denied",
            Self::IdentityRejected => "identity-rejected",
            Self::ProofRejected => "proof-rejected",
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
            Self::AccountUnavailable => "account-unavailable",
            Self::ScopeMissing => "scope-missing",
            Self::Locked => "locked",
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

    /// Returns the party at fault. `None` for a denial without a fault.
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
            | Self::AccountUnavailable
            | Self::Deadline
            | Self::Overloaded
            | Self::InvalidResponse
            | Self::Internal => Some(Blame::Host),
            Self::PolicyDenied
            | Self::IdentityRejected
            | Self::ProofRejected
            | Self::Throttled
            | Self::EndOfChain
            | Self::ScopeMissing
            | Self::Locked
            | Self::SourceNotAllowed
            | Self::ConnectionTypeNotAllowed
            | Self::TimeNotAllowed => None,
        }
    }

    /// Returns whether the denial is a decision about the login. `false` if a policy or the host
    /// could not decide.
    pub const fn is_decided(self) -> bool {
        !matches!(
            self,
            Self::IdentityUnavailable
                | Self::AccountUnavailable
                | Self::NoPolicy
                | Self::PolicyTrapped
                | Self::PolicyDeadline
                | Self::PolicyMemory
                | Self::PolicyOutput
                | Self::PolicyComparisons
                | Self::InvalidOutput
                | Self::InvalidResponse
                | Self::Deadline
                | Self::Overloaded
                | Self::Throttled
                | Self::Internal
        )
    }
}

impl Blame {
    /// Returns the name in logs.
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
    /// Returns a denial of `class` with `reason`.
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
