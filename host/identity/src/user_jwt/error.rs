//! Why a user JWT is refused, and what keeps an account from being trusted.

use std::path::PathBuf;

use portcullis_claims::{Refusal, TokenError};
use portcullis_files::ReadError;

/// Why a user JWT is refused, for the operator. Nothing of the JWT itself is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserJwtError {
    /// It cannot be read, or is not signed by the key that it names.
    #[error("the user JWT cannot be used")]
    Token(#[source] TokenError),
    /// It is about nobody who could sign.
    #[error("the user JWT's subject is not the public key of a user")]
    Subject,
    /// It has ended.
    #[error("the user JWT expired {0} s ago")]
    Expired(u64),
    /// It does not hold yet.
    #[error("the user JWT's `nbf` is {0} s in the future")]
    FromTheFuture(u64),
    /// A time of its own, or of the account's JWT, is too far ahead to be in seconds.
    #[error(
        "the `{claim}` of {of} is more than a hundred years ahead: it has to be in seconds since 1970, and seems to be in milliseconds"
    )]
    ImplausibleTime {
        /// The claim: `exp`, `nbf` or `iat`.
        claim: &'static str,
        /// Of which JWT.
        of: String,
    },
    /// Its signer does not speak for the account that it names.
    #[error("the user JWT is signed by a key that is none of account `{0}`")]
    Signer(String),
    /// Its signing key is bound to a role that the operator does not trust.
    #[error(
        "the user JWT is signed by a key of account `{account}` that is bound to role `{role}`, which is not believed; add the role to `roles` of `[identity.accounts.{account}]` to believe all that holders of its key sign"
    )]
    UntrustedRole {
        /// The operator's name for the account.
        account: String,
        /// The role.
        role: String,
    },
    /// Its signing key is bound to a role, and it has permissions or limits of its own.
    #[error(
        "the user JWT has permissions or limits, and the key of account `{account}` that signed it is bound to role `{role}`"
    )]
    BeyondRole {
        /// The operator's name for the account.
        account: String,
        /// The role.
        role: String,
    },
    /// The account's own JWT has ended.
    #[error("the JWT of account `{account}` expired {ago} s ago")]
    AccountExpired {
        /// The operator's name for the account.
        account: String,
        /// How long ago, in seconds.
        ago: u64,
    },
    /// The account's own JWT does not hold yet.
    #[error("the `nbf` of the JWT of account `{account}` is {ahead} s in the future")]
    AccountFromTheFuture {
        /// The operator's name for the account.
        account: String,
        /// How far, in seconds.
        ahead: u64,
    },
    /// The account wants its users to sign.
    #[error("the user JWT is a bearer token, which account `{0}` does not allow")]
    Bearer(String),
    /// It is for other ways to connect.
    #[error("the user JWT's `allowed_connection_types` do not have `{0}`")]
    ConnectionType(&'static str),
    /// Whoever presented it has not shown to hold its key.
    #[error("the user JWT is no bearer token, and its holder has not signed the server's nonce")]
    Unsigned,
    /// The account has revoked it.
    #[error("the user JWT was issued before account `{0}` revoked it")]
    Revoked(String),
    /// It is for other networks.
    #[error("the client connects from `{0}`, which is in no network of the user JWT's `src`")]
    Network(String),
    /// It is for other times of the day.
    #[error(transparent)]
    Times(Refusal),
    /// Policies could not be told what it says.
    #[error("the user JWT's claims hold a text that is no Unicode")]
    Claims,
}

/// Why an account JWT cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountJwtError {
    /// The file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// There is too much in the file.
    #[error("`{}` has more than {limit} bytes; an account JWT has fewer", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: usize,
    },
    /// There is no JWT in the file.
    #[error("`{}` has no line that is a JWT", .0.display())]
    NoJwt(PathBuf),
    /// The JWT is not one of an account, or not signed by the key that it names.
    #[error("`{}` has no account JWT", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: TokenError,
    },
    /// It is about no account.
    #[error("`{}` is the JWT of nobody: its subject is not the public key of an account", .0.display())]
    Subject(PathBuf),
    /// It is another account's.
    #[error("`{}` is the JWT of account `{found}`, not of `{expected}`", path.display())]
    OtherAccount {
        /// The file.
        path: PathBuf,
        /// Whose it should be.
        expected: String,
        /// Whose it is.
        found: String,
    },
    /// No operator of ours signed it.
    #[error("`{}` is signed by `{signer}`, which is none of `operators`", path.display())]
    Operator {
        /// The file.
        path: PathBuf,
        /// Who signed it.
        signer: String,
    },
    /// Reading it broke.
    #[error("reading `{}` broke", .0.display())]
    Broken(PathBuf),
}

/// Why accounts cannot be trusted as the options say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountSetupError {
    /// An account JWT cannot be used.
    #[error("the users of account `{name}` cannot be trusted")]
    Jwt {
        /// The operator's name for the account.
        name: String,
        /// What is wrong with the JWT.
        #[source]
        source: AccountJwtError,
    },
    /// Two names have the same account.
    #[error("`{first}` and `{second}` are the same account")]
    SameAccount {
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
}
