//! The part of a login that is the same for every front door.
//!
//! A front door turns its own wire form into an
//! [`AuthorizationRequest`](portcullis_core::AuthorizationRequest). [`Authority::decide`]
//! throttles, identifies, asks the authorizer inside the deadline, and applies the host's own
//! rules. [`Issuers::user_jwt`] signs the result. The front door answers in its own wire form.
//!
//! # Example
//!
//! A front door of its own: it decides one login and signs the user JWT, without NATS.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, Instant};
//!
//! use portcullis_authority::{Authority, AuthorityOptions, Issuers, PermitRules, TargetAccounts};
//! use portcullis_claims::IssuerKey;
//! use portcullis_core::{
//!     AuthorizationRequest, Authorizer, Credentials, Decision, DenialClass, KeyKind, Outcome,
//!     Permit, PublicKey, Secret, Server,
//! };
//!
//! /// Lets in clients with one password.
//! struct OnePassword;
//!
//! impl Authorizer for OnePassword {
//!     async fn authorize(&self, request: Arc<AuthorizationRequest>, _: Instant) -> Decision {
//!         let password = request.credentials.password.as_ref();
//!         if password.is_none_or(|password| password.expose() != "open sesame") {
//!             return Decision::deny(DenialClass::PolicyDenied, "wrong password");
//!         }
//!         let mut permit = Permit::builder("APP", request.received_at);
//!         permit.publish_allow("orders.>");
//!         match permit.finish() {
//!             Ok(permit) => Decision::permit(permit),
//!             Err(problems) => Decision::deny(DenialClass::InvalidPermit, format!("{problems:?}")),
//!         }
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let rules = PermitRules {
//!     accounts: TargetAccounts::Only(["APP".parse()?].into()),
//!     ..PermitRules::default()
//! };
//! let authority = Authority::new(OnePassword, AuthorityOptions::new(rules));
//! let issuers = Issuers::Config(IssuerKey::from_seed(IssuerKey::generate_seed()?.expose())?);
//!
//! let credentials = Credentials {
//!     password: Some(Secret::new("open sesame")),
//!     ..Credentials::default()
//! };
//! # let user_nkey = "UB2X2SCUJM2GNJ4ZTW5P3WXBZZDYBMIPDYHDOBFJSKEJQBZ7MN2XKWGB";
//! let server = Server::new(PublicKey::from_bytes(KeyKind::Server, [0; PublicKey::LEN]));
//! let now = 1_800_000_000;
//! let request = AuthorizationRequest::new(user_nkey.parse()?, server, credentials, now);
//! let mut request = Arc::new(request);
//!
//! let limit = Duration::from_secs(1);
//! let mut place = authority.enter(limit)?;
//! let considered = authority.decide(&mut request, Instant::now() + limit, &mut place).await;
//! let Outcome::Permit(permit) = &considered.decision.outcome else {
//!     return Err("denied".into());
//! };
//! let policy = considered.decision.policy.as_deref();
//! let jwt = issuers.user_jwt(&request, permit, policy, now)?;
//! # assert!(jwt.starts_with("eyJ"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! - [`Authority`] and [`AuthorityOptions`]: the path of a login, and its options.
//! - [`Place`] and [`Overload`]: the queue, which bounds the requests that are in the host.
//! - [`Throttle`]: the limits on failed attempts.
//! - [`PermitRules`] with [`TargetAccounts`], [`Ceilings`] and [`Expiry`]: the host's own rules for
//!   permits.
//! - [`Authority::conclude_answered`]: the end of a login at a front door. [`DecisionLine`]: its
//!   log line. [`Recorder`]: the queue of decision records for audits.
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

mod account_pattern;
mod account_request;
mod accounts;
mod admission;
mod authority;
mod conclusion;
mod decide;
mod decision_log;
mod enforce;
#[cfg(test)]
mod fixtures;
mod identify;
mod imitation;
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

pub use account_pattern::{AccountPattern, InvalidAccountPattern};
pub use account_request::account_tags;
pub use accounts::TargetAccounts;
pub use admission::Overload;
pub use authority::{Attempt, Authority, AuthorityOptions, Considered, LoginRules};
pub use conclusion::Answered;
pub use decision_log::DecisionLine;
pub use imitation::OWN_LOGIN;
pub use issue::IssueError;
pub use issuers::{AccountIssuer, Issuers, NoIssuer, OperatorIssuers};
pub use locks::{
    CopiedLock, InvalidLockCopy, InvalidLockedNetwork, LatestLockCopy, Lock, LockCopy, LockTarget,
    LockedNetwork, Locks,
};
pub use new_accounts::AccountMaker;
pub use own_login::{FailedOwnLogin, OwnLogins};
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
