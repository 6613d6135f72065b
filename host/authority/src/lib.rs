//! The part of a login that is the same for every front door.
//!
//! A front door turns its own wire form into an
//! [`AuthorizationRequest`](portcullis_core::AuthorizationRequest). [`Authority::decide`]
//! throttles, identifies, asks the authorizer inside the deadline, and applies the host's own
//! rules. [`Issuers::user_jwt`] signs the result. The front door answers in its own wire form.
//!
//! # Layout
//!
//! - [`Authority`] and [`AuthorityOptions`]: the path of a login, and its options.
//! - [`Place`] and [`Overload`]: the queue, which bounds the requests that are in the host.
//! - [`Throttle`]: the limits on failed attempts.
//! - [`PermitRules`] with [`TargetAccounts`], [`Ceilings`] and [`Expiry`]: the host's own rules for
//!   permits.
//! - [`DecisionLine`], [`log_decision`]: the log line of a decision. [`Recorder`]: the queue of
//!   decision records for audits.
//! - [`Tracer`]: traces of logins, with a span for each stage and each policy.
//! - [`Issuers`]: the keys that sign, in config and in operator mode.
//! - [`Locks`]: logins that an operator has closed for a time.
//! - [`OwnLogins`]: logins that the host makes up to test the path.
//! - [`account_tags`]: the tags of an account that the host signs on its own request.
//! - [`AccountMaker`] and [`AccountPattern`]: accounts that are made at their first login.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test waits in real time, or compares with it"
    )
)]

mod account_request;
mod accounts;
mod admission;
mod authority;
mod decide;
mod decision_log;
mod enforce;
#[cfg(test)]
mod fixtures;
mod identify;
mod issue;
mod issuers;
mod load;
mod locks;
mod new_accounts;
mod own_login;
mod permit_check;
mod place;
mod recorder;
mod response;
mod rules;
mod throttle;
mod traces;
mod wanted_account;

pub use account_request::account_tags;
pub use accounts::TargetAccounts;
pub use admission::Overload;
pub use authority::{Attempt, Authority, AuthorityOptions, Considered, LoginRules};
pub use decision_log::{DecisionLine, log_decision, log_summed_up};
pub use issue::IssueError;
pub use issuers::{AccountIssuer, Issuers, NoIssuer, OperatorIssuers};
pub use locks::{
    CopiedLock, InvalidLockCopy, InvalidLockedNetwork, LatestLockCopy, Lock, LockCopy, LockTarget,
    LockedNetwork, Locks,
};
pub use new_accounts::{AccountMaker, AccountPattern, InvalidAccountPattern};
pub use own_login::{FailedOwnLogin, OWN_LOGIN, OwnLogins};
pub use place::Place;
pub use portcullis_identity::bearer_credentials;
pub use recorder::{
    PendingRecord, RecordedFacts, Recorder, RecorderOptions, Records, Reserved, WhenRecordsFull,
};
pub use response::{CheckedUser, ResponseError};
pub use rules::{Ceilings, Expiry, PermitRules};
pub use throttle::{Throttle, ThrottleOptions};
pub use traces::{
    ActiveTrace, FinishedLogin, InvalidTraceParent, LoginSpan, LoginTrace, SpanValue, Stage,
    StageTimes, TraceParent, TraceSink, Tracer,
};
