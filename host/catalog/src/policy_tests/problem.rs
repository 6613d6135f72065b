//! The problems of a test file.

use portcullis_core::{
    InvalidBucketName, InvalidPublicKey, KeyKind, Method, PermitProblem, PublicKey,
};

use super::possible::Impossible;
use crate::access::InvalidAccess;

/// A problem of a test file. The message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestFileProblem {
    /// The file is not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// The file is not TOML, or not in the format of test files. The message shows no value, which
    /// may be a password.
    #[error("{0}")]
    Format(String),
    /// A test is invalid.
    #[error("test `{name}`: {problem}")]
    Test {
        /// The test's name.
        name: String,
        /// The problem of the test.
        #[source]
        problem: TestProblem,
    },
    /// Two tests have the same name.
    #[error("test `{0}`: there is another of this name")]
    SameName(String),
}

/// A problem of one test. The message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestProblem {
    /// The test has no name.
    #[error("`name` is empty: say what the test shows")]
    NoName,
    /// The test states no expected verdict.
    #[error(
        "it states no verdict: add one of `permit = {{ … }}`, `may-publish = [\"a subject\"]` and the like, `deny = \"part of the reason\"` and `abstain = true`"
    )]
    NoVerdict,
    /// The test states several verdicts.
    #[error("it states {}: a login has one verdict, so keep one of them", quoted(.0))]
    SeveralVerdicts(Vec<&'static str>),
    /// The test states an account next to a permit, or alone.
    #[error("`account` goes with `may-publish` and the like: write `permit = {{ account = … }}`")]
    AccountAlone,
    /// The test states what a login may do that gets no permit.
    #[error("`may-publish` and the like need a permit: leave them out, or `deny` and `abstain`")]
    AccessWithoutPermit,
    /// A subject that the login must or must not reach is invalid.
    #[error(transparent)]
    Access(#[from] InvalidAccess),
    /// The expected permit is invalid, so no policy can give it.
    #[error("permit: {}", joined(.0))]
    Permit(Vec<PermitProblem>),
    /// The name of a bucket is invalid.
    #[error("login.key-value: {0}")]
    Bucket(#[source] InvalidBucketName),
    /// A key of a bucket is invalid.
    #[error("login.key-value.{bucket}: `{key}` can be no key of a bucket")]
    BucketKey {
        /// The bucket.
        bucket: String,
        /// The key, escaped.
        key: String,
    },
    /// The method is unknown.
    #[error("login.identity.method: expected one of `{}`", Method::ALL.map(Method::as_str).join("`, `"))]
    Method,
    /// A cipher of a connection without TLS.
    #[error(
        "login.client.tls-cipher: a cipher belongs to TLS: add `tls-version = \"1.3\"`, or leave it out"
    )]
    CipherWithoutVersion,
    /// No client makes such a login.
    #[error("login.{place}: {problem}", place = .problem.place().join("."))]
    Impossible {
        /// The problem of the login.
        #[source]
        problem: Impossible,
    },
    /// The value of `key` is not an nkey of the right kind.
    #[error("{key}: {problem}")]
    Key {
        /// The key in the test file.
        key: &'static str,
        /// The problem of its value.
        #[source]
        problem: KeyProblem,
    },
}

impl TestProblem {
    /// Returns the path of the value at fault in the test, key by key. Empty if the test as a whole
    /// is at fault.
    pub(crate) fn place(&self) -> Vec<&str> {
        let in_login = |keys: &[&'static str]| [&["login"], keys].concat();
        match self {
            Self::Impossible { problem } => in_login(problem.place()),
            Self::Method => in_login(&["identity", "method"]),
            Self::CipherWithoutVersion => in_login(&["client", "tls-cipher"]),
            Self::Bucket(_) => in_login(&["key-value"]),
            Self::BucketKey { bucket, key } => vec!["login", "key-value", bucket, key],
            Self::Key { key, .. } => key.split('.').collect(),
            Self::Access(problem) => vec![problem.key()],
            Self::Permit(_) => vec!["permit"],
            _ => Vec::new(),
        }
    }
}

/// The problem of an nkey in a test.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// The text is not a public nkey.
    #[error(transparent)]
    Invalid(#[from] InvalidPublicKey),
    /// The nkey is of another kind.
    #[error("`{key}` is the key of {} and not of a {expected}", key.kind())]
    Kind {
        /// The nkey.
        key: PublicKey,
        /// The expected kind.
        expected: KeyKind,
    },
}

fn quoted(keys: &[&str]) -> String {
    let quoted: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    quoted.join(" and ")
}

fn joined(problems: &[PermitProblem]) -> String {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}
