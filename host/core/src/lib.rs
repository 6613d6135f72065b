//! The domain of Portcullis: requests, decisions, and the interfaces of the parts that decide.
//!
//! # Layout
//!
//! - [`AuthorizationRequest`]: one login, as the server describes it.
//! - [`Identity`], [`Claims`], [`Certificate`]: the client's identity, as far as the host can prove
//!   it.
//! - [`PublicKey`]: the nkey of a user, server, account or operator. [`AccountName`]: the name of
//!   an account.
//! - [`Permit`], [`Permissions`], [`PermissionSubject`]: what a login may do.
//! - [`SourceNetwork`], [`ConnectionType`], [`TimeRange`]: networks, connections and times of a
//!   login.
//! - [`Allowed`]: a restriction to listed values, where "any" has to be written.
//! - [`Tails`]: the meaning of a final `*` to servers; [`WorkBudget`]: a limit on the cost of
//!   comparing subjects.
//! - [`Reach`]: the subjects that permissions let a login reach, as sets, with examples.
//! - [`Ceiling`]: an upper bound on permissions, independent of policies.
//! - [`Verdict`]: the answer of one policy; [`Decision`]: the outcome of the whole chain.
//! - [`Authorizer`]: a source of decisions on requests.
//! - [`DecisionRecord`]: the record of one decided login, for audits; [`LoginFacts`]: its facts
//!   about the client.
//! - [`PolicyName`], [`Digest`], [`PolicyRef`]: the exact version of a policy that decided.
//! - [`Secret`] and [`SecretVerifier`]: secrets that do not print, and the comparison of secrets
//!   with hashes.
//! - [`KeyValues`]: buckets in which policies look up keys; [`FixedKeyValues`]: buckets with fixed
//!   content.
//! - [`Sample`]: one number for exporters of metrics; [`Histogram`]: durations to count.
//!   [`Repeats`]: log lines that sum up repetitions.
//! - [`with_causes`]: an error on one line.
//!
//! This crate does no I/O, reads no clock and depends on neither tokio, wasmtime nor a NATS client.
//! Times are arguments.

mod account;
mod allowed;
mod ceiling;
mod client;
mod connection;
mod credentials;
mod decision;
mod denial;
mod doubts;
mod error;
mod histogram;
mod identity;
mod key_value;
mod literal;
mod nkey;
mod numeric_date;
mod overlooked;
mod permissions;
mod permit;
mod policy;
mod reach;
mod record;
mod repeats;
mod request;
mod sample;
mod secret;
mod subject;
mod tails;
mod text;
mod work;

pub use account::{AccountName, InvalidAccountName};
pub use allowed::Allowed;
pub use ceiling::{Ceiling, CeilingExceeded, OnExcess};
pub use client::{Client, ClientTls, WantedAccount};
pub use connection::{ClientKind, Transport, client_address, client_network, is_own_host};
pub use credentials::{Credentials, Method};
pub use decision::{Authorizer, Decision, Outcome, PolicyStep, StepAnswer, Verdict};
pub use denial::{Blame, Denial, DenialClass};
pub use error::with_causes;
pub use histogram::Histogram;
pub use identity::{Certificate, Claims, Identity, Strength};
pub use key_value::{
    BucketName, FixedKeyValues, InvalidBucketName, KeyValues, LookUpError, NoKeyValues, is_key,
};
pub use literal::LiteralPermissions;
pub use nkey::{InvalidPublicKey, KeyKind, PresentedNkey, PublicKey, key_checksum};
pub use numeric_date::{is_implausible_date, numeric_date};
pub use permissions::{Permissions, ResponsePermission, SubjectPermission};
pub use permit::{Permit, PermitBuilder, PermitDraft};
pub use policy::{Digest, InvalidDigest, InvalidPolicyName, PolicyName, PolicyRef};
pub use portcullis_permit_rules::subject::{InvalidSubject, SubjectProblem};
pub use portcullis_permit_rules::{
    AccountLimit, ConnectionType, InvalidConnectionType, InvalidSourceNetwork, InvalidTimeRange,
    Limit, PermitProblem, SourceNetwork, TimeOfDay, TimeRange,
};
pub use reach::{Gain, Reach, Reached, Way};
pub use record::{
    DecisionRecord, LoginEvent, LoginFacts, LoginOutcome, RecordedAccess, RecordedAnswer,
    RecordedClient, RecordedIdentity, RecordedPolicy, RecordedReplies, RecordedServer,
    RecordedSubjects, RecordedVerdict, RecordingHost,
};
pub use repeats::{Repeats, Report, Summaries};
pub use request::{AuthorizationRequest, Server};
pub use sample::{Sample, SampleValue};
pub use secret::{Asker, HashError, Secret, SecretVerifier};
pub use subject::PermissionSubject;
pub use tails::{DenyFilter, OpenTail, Tails};
pub use work::{WorkBudget, WorkExceeded};
