//! Failures of the store.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use portcullis_claims::{KeyError, SignError, TokenError};
use portcullis_core::PublicKey;
use portcullis_files::ReadError;

use crate::validate::Findings;

/// The last second that a date of four digits has.
const LATEST: u64 = 253_402_300_799;

/// A reason why the store did not do what was asked. No message shows a seed or a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory has no store.
    #[error("`{}` has no operator; make one there with `portcullis operator add NAME`", .0.display())]
    NoStore(PathBuf),
    /// The directory has a store of nsc instead.
    #[error(
        "`{}` is a directory of nsc; take it over with `portcullis import nsc {} --store DIR`",
        .0.display(), .0.display()
    )]
    OfNsc(PathBuf),
    /// The directory has a store already.
    #[error("`{}` has an operator already; choose another directory", .0.display())]
    StoreExists(PathBuf),
    /// The store of an operator that is to be deleted has accounts.
    #[error("`{}` has accounts; delete them with `portcullis account delete` first", .0.display())]
    HasAccounts(PathBuf),
    /// An account that is to be deleted is the operator's system account.
    #[error(
        "`{0}` is the system account, without which servers do not start; name another one with `portcullis operator edit --system-account`, or none with `--patch '{{\"system_account\":null}}'`"
    )]
    SystemAccount(PublicKey),
    /// A file or a directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Path of the file or the directory.
        path: PathBuf,
        /// Reason of the failure.
        #[source]
        source: ReadError,
    },
    /// A file or a directory cannot be written. The earlier content stays.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// Path of the file or the directory.
        path: PathBuf,
        /// Reason of the failure.
        #[source]
        source: io::Error,
    },
    /// Another process has held the lock for long.
    #[error("`{}` is locked by another process; try again when that has ended", .0.display())]
    Locked(PathBuf),
    /// A file holds something other than the JWT that its name says.
    #[error("`{}` is damaged: {problem}; restore it from a backup, or remove it", path.display())]
    Damaged {
        /// Path of the file.
        path: PathBuf,
        /// Sign of the damage.
        problem: String,
    },
    /// A token that is to be stored is not one.
    #[error("the JWT is not usable")]
    Token(#[source] TokenError),
    /// A token that is to be stored is about another kind of key.
    #[error("the JWT is about another kind of key (`sub`)")]
    Subject,
    /// A later version of the account is stored.
    #[error(
        "a later version of `{account}` is stored, issued at {}; this one was issued at {}: sign the account again", utc(*.stored), utc(*.given)
    )]
    Older {
        /// Account.
        account: PublicKey,
        /// Time of issue of the stored version.
        stored: u64,
        /// Time of issue of the refused version.
        given: u64,
    },
    /// The account was deleted, and the version is not later than the deleted one.
    #[error(
        "`{account}` was deleted, with the version issued at {}; this one was issued at {}: to bring the account back, sign it again", utc(*.last), utc(*.given)
    )]
    Deleted {
        /// Account.
        account: PublicKey,
        /// Time of issue of the deleted version.
        last: u64,
        /// Time of issue of the refused version.
        given: u64,
    },
    /// The account was signed after the request to delete it.
    #[error(
        "`{account}` was signed at {}, after the request to delete it of {}: sign the request again", utc(*.stored), utc(*.asked)
    )]
    LaterVersion {
        /// Account.
        account: PublicKey,
        /// Time of issue of the stored version.
        stored: u64,
        /// Time of issue of the request.
        asked: u64,
    },
    /// Another process changed the JWT since it was read.
    #[error("another process has changed `{0}` meanwhile; run the command again")]
    Changed(PublicKey),
    /// Servers would refuse the claims.
    #[error("nothing is written, because servers would refuse it: {}", errors(.0))]
    Refused(Findings),
    /// The operator demands signing keys, and has none.
    #[error(
        "the operator signs accounts with signing keys only, and has none; add one with `portcullis operator add-key`"
    )]
    NoSigningKey,
    /// A seed is missing from the store.
    #[error(
        "`{}` has none of the seeds {}; put one there as `PUBLIC-KEY.nk`",
        directory.display(), quoted(.wanted)
    )]
    NoSeed {
        /// Directory of the seeds.
        directory: PathBuf,
        /// Public keys of the seeds, any of which would do.
        wanted: Vec<String>,
    },
    /// A seed is not usable.
    #[error("the seed in `{}` is not usable", path.display())]
    Seed {
        /// Path of the file.
        path: PathBuf,
        /// Reason of the failure.
        #[source]
        source: KeyError,
    },
    /// The key library failed, or a text is no seed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Claims could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store has no such entry.
    #[error("the store has no {kind} `{name}`; `portcullis {kind} list` shows those it has")]
    Unknown {
        /// Kind of the entry.
        kind: &'static str,
        /// Name or public key.
        name: String,
    },
    /// No readable entry has the name, and an entry that is not readable may have it.
    #[error("no readable {kind} is called `{name}`, and one is not readable")]
    Unreadable {
        /// Kind of the entries.
        kind: &'static str,
        /// Name.
        name: String,
        /// Failure of the entry that is not readable.
        #[source]
        source: Box<Self>,
    },
    /// A name is taken.
    #[error("the store has the {kind} `{name}` already; choose another name, or `edit` it")]
    Taken {
        /// Kind of the entry.
        kind: &'static str,
        /// Name.
        name: String,
    },
    /// Several entries have the name.
    #[error(
        "several entries of the kind {kind} have the name `{name}`: give the public key of one"
    )]
    Ambiguous {
        /// Kind of the entries.
        kind: &'static str,
        /// Name.
        name: String,
    },
}

fn errors(findings: &Findings) -> String {
    let texts: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity != crate::validate::Severity::Warning)
        .map(|finding| finding.text.as_str())
        .collect();
    texts.join("; ")
}

fn quoted(keys: &[String]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    keys.join(", ")
}

/// Writes a Unix time as a date and a time of day.
fn utc(seconds: u64) -> impl Display {
    // A time that no clock has is shown as the latest one.
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.min(LATEST)));
    humantime::format_rfc3339_seconds(time.unwrap_or(UNIX_EPOCH))
}
