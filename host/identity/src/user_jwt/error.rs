//! Reasons why a user JWT is rejected, and why an account cannot be trusted.

use std::path::PathBuf;

use portcullis_claims::{PublicKey, Refusal, TokenError};
use portcullis_files::ReadError;

/// A reason why a user JWT is rejected, for the operator. Errors show nothing of the JWT itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserJwtError {
    /// The JWT cannot be parsed, or is not signed by the key that it names.
    #[error("the user JWT cannot be used")]
    Token(#[source] TokenError),
    /// The subject of the JWT is not a user key.
    #[error("the user JWT's subject is not the public key of a user")]
    Subject,
    /// The JWT has expired.
    #[error("the user JWT expired {0} s ago")]
    Expired(u64),
    /// The JWT is not valid yet.
    #[error("the user JWT's `nbf` is {0} s in the future")]
    FromTheFuture(u64),
    /// A time of the JWT, or of the account's JWT, is too far ahead to be in seconds.
    #[error(
        "the `{claim}` of {of} is more than a hundred years ahead: it has to be in seconds since 1970, and seems to be in milliseconds"
    )]
    ImplausibleTime {
        /// Claim: `exp`, `nbf` or `iat`.
        claim: &'static str,
        /// The JWT that has the claim.
        of: String,
    },
    /// The signer does not sign for the account that the JWT names.
    #[error("the user JWT is signed by a key that is none of account `{0}`")]
    Signer(String),
    /// The signing key is bound to a role that the operator does not trust.
    #[error(
        "the user JWT is signed by a key of account `{account}` that is bound to role `{role}`, which is not believed; add the role to `roles` of `[identity.accounts.{account}]` to believe all that holders of its key sign"
    )]
    UntrustedRole {
        /// The operator's name for the account.
        account: String,
        /// Name of the role.
        role: String,
    },
    /// The signing key is bound to a role, and the JWT has permissions or limits of its own.
    #[error(
        "the user JWT has permissions or limits, and the key of account `{account}` that signed it is bound to role `{role}`"
    )]
    BeyondRole {
        /// The operator's name for the account.
        account: String,
        /// Name of the role.
        role: String,
    },
    /// The account's own JWT has expired.
    #[error("the JWT of account `{account}` expired {ago} s ago")]
    AccountExpired {
        /// The operator's name for the account.
        account: String,
        /// Time since the expiry, in seconds.
        ago: u64,
    },
    /// The account's own JWT is not valid yet.
    #[error("the `nbf` of the JWT of account `{account}` is {ahead} s in the future")]
    AccountFromTheFuture {
        /// The operator's name for the account.
        account: String,
        /// Time until the start, in seconds.
        ahead: u64,
    },
    /// The JWT is a bearer token, and the account requires its users to sign.
    #[error("the user JWT is a bearer token, which account `{0}` does not allow")]
    Bearer(String),
    /// The JWT does not allow the connection type.
    #[error("the user JWT's `allowed_connection_types` do not have `{0}`")]
    ConnectionType(&'static str),
    /// The client has not proved that it holds the key of the JWT.
    #[error("the user JWT is no bearer token, and its holder has not signed the server's nonce")]
    Unsigned,
    /// The account has revoked the JWT.
    #[error("the user JWT was issued before account `{0}` revoked it")]
    Revoked(String),
    /// The JWT does not allow the client's network.
    #[error("the client connects from `{0}`, which is in no network of the user JWT's `src`")]
    Network(String),
    /// The JWT does not allow this time of the day.
    #[error(transparent)]
    Times(Refusal),
    /// The claims have a text that cannot be passed to policies.
    #[error("the user JWT's claims hold a text that is no Unicode")]
    Claims,
}

/// A reason why an account JWT cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountJwtError {
    /// The file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Reason why it was not read.
        #[source]
        source: ReadError,
    },
    /// The file is too large.
    #[error("`{}` has more than {limit} bytes; an account JWT has fewer", path.display())]
    TooLarge {
        /// Path of the file.
        path: PathBuf,
        /// Maximum size, in bytes.
        limit: usize,
    },
    /// The file has no JWT.
    #[error("`{}` has no line that is a JWT", .0.display())]
    NoJwt(PathBuf),
    /// The JWT is not that of an account, or not signed by the key that it names.
    #[error("`{}` has no account JWT", path.display())]
    Token {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong with the JWT.
        #[source]
        source: TokenError,
    },
    /// The subject of the JWT is not an account key.
    #[error("`{}` is the JWT of no account: its subject is not the public key of an account", .0.display())]
    Subject(PathBuf),
    /// The JWT is that of another account.
    #[error("`{}` is the JWT of account `{found}`, not of `{expected}`", path.display())]
    OtherAccount {
        /// Path of the file.
        path: PathBuf,
        /// Public key of the expected account.
        expected: Box<PublicKey>,
        /// Public key of the account in the JWT.
        found: Box<PublicKey>,
    },
    /// None of the configured operators signed the JWT.
    #[error("`{}` is signed by `{signer}`, which is none of `operators`", path.display())]
    Operator {
        /// Path of the file.
        path: PathBuf,
        /// Public key of the signer.
        signer: String,
    },
    /// The thread that reads the file panicked.
    #[error("reading `{}` broke", .0.display())]
    Broken(PathBuf),
}

/// A reason why accounts cannot be trusted as the options say.
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
    /// Two names stand for the same account.
    #[error("`{first}` and `{second}` are the same account")]
    SameAccount {
        /// First name.
        first: String,
        /// Second name.
        second: String,
    },
}
