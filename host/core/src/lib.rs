//! The domain of Portcullis: what is asked, what is decided, and who decides.
//!
//! # Layout
//!
//! - [`AuthorizationRequest`]: one login, as the server describes it.
//! - [`Identity`], [`Claims`], [`Certificate`]: who asks, as far as the host could prove it.
//! - [`Permit`], [`Permissions`], [`PermissionSubject`]: what a login may do.
//! - [`SourceNetwork`], [`ConnectionType`], [`TimeRange`]: where from, how and when it may be.
//! - [`Tails`]: what servers make of a `*` at the end; [`WorkBudget`]: what comparing subjects may cost.
//! - [`Ceiling`]: the most it may do, whatever a policy says.
//! - [`Verdict`]: what one policy says; [`Decision`]: what the whole chain comes to.
//! - [`Authorizer`]: whoever turns a request into a decision.
//! - [`PolicyName`], [`Digest`], [`PolicyRef`]: which bytes decided.
//! - [`Secret`] and [`SecretVerifier`]: secrets that do not print, and how what clients present is checked.
//! - [`KeyValues`]: where policies may look keys up; [`FixedKeyValues`]: one that never changes.
//! - [`Sample`]: one number for exporters of metrics; [`with_causes`]: an error on one line.
//!
//! This crate does no I/O, reads no clock and knows neither tokio nor wasmtime nor NATS clients. Times
//! come in as arguments.

mod ceiling;
mod connection;
mod decision;
mod doubts;
mod error;
mod identity;
mod key_value;
mod permissions;
mod permit;
mod policy;
mod request;
mod sample;
mod secret;
mod source;
mod subject;
mod tails;
mod times;
mod work;

pub use ceiling::{Ceiling, CeilingExceeded, OnExcess};
pub use connection::{ConnectionType, InvalidConnectionType};
pub use decision::{Authorizer, Blame, Decision, Denial, DenialClass, Outcome, Verdict};
pub use error::with_causes;
pub use identity::{Certificate, Claims, Identity, Strength};
pub use key_value::{
    BucketName, FixedKeyValues, InvalidBucketName, KeyValues, LookUpError, NoKeyValues, is_key,
};
pub use permissions::{Permissions, ResponsePermission, SubjectPermission};
pub use permit::{Limit, Permit, PermitBuilder, PermitProblem};
pub use policy::{Digest, InvalidDigest, InvalidPolicyName, PolicyName, PolicyRef};
pub use request::{AuthorizationRequest, Client, ClientTls, Credentials, Method, Server};
pub use sample::{Sample, SampleValue};
pub use secret::{Asker, HashError, Secret, SecretVerifier};
pub use source::{InvalidSourceNetwork, SourceNetwork};
pub use subject::{InvalidSubject, PermissionSubject, SubjectProblem};
pub use tails::{DenyFilter, OpenTail, Tails};
pub use times::{InvalidTimeRange, TimeOfDay, TimeRange};
pub use work::{WorkBudget, WorkExceeded};
