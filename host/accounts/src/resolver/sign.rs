//! Accounts that signed themselves: a service over NATS decides about them.

use std::error::Error;
use std::fmt::Debug;

use futures::future::BoxFuture;

/// A service that decides about accounts that signed themselves.
pub trait SigningService: Debug + Send + Sync + 'static {
    /// Asks the service to sign the account of `token` with a key of the operator.
    fn decide<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Answer, SigningFailed>>;
}

/// The answer of a signing service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The JWT that the service has signed.
    Signed(String),
    /// A text for the client, such as why the account is not signed, or not yet.
    Text(String),
}

/// A reason why the service gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningFailed {
    /// The resolver has no connection yet.
    #[error("the resolver is not connected to a server yet")]
    NotConnected,
    /// No service listens on the subject.
    #[error("no service listens on `{0}`")]
    NoService(String),
    /// The service did not answer in time.
    #[error("the service on `{0}` did not answer in time")]
    Late(String),
    /// The request could not be sent.
    #[error("the request could not be sent")]
    Send(#[source] Box<dyn Error + Send + Sync>),
}

impl Answer {
    /// Returns whether the service has signed the account.
    pub const fn is_signed(&self) -> bool {
        matches!(self, Self::Signed(_))
    }
}
