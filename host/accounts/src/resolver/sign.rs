//! Accounts that signed themselves: a service over NATS decides about them.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use portcullis_connect::{Nats, StatusCode};
use tokio::time::timeout;

use super::servers::Servers;

/// First letters of every JWT, and so of the answer that is one: `{"` in base 64.
const JWT: &str = "eyJ";

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

/// A signing service on a subject, over the connection of [`Servers`].
#[derive(Debug)]
pub struct SigningSubject<N> {
    servers: Arc<Servers<N>>,
    subject: String,
    patience: Duration,
}

impl Answer {
    /// Returns whether the service has signed the account.
    pub const fn is_signed(&self) -> bool {
        matches!(self, Self::Signed(_))
    }
}

impl<N: Nats> SigningSubject<N> {
    /// Creates the service that listens on `subject`, and waits for its answer for `patience`.
    pub const fn new(servers: Arc<Servers<N>>, subject: String, patience: Duration) -> Self {
        Self {
            servers,
            subject,
            patience,
        }
    }

    async fn ask(&self, token: &str) -> Result<Answer, SigningFailed> {
        let nats = self.servers.nats().ok_or(SigningFailed::NotConnected)?;
        let inbox = nats.new_inbox();
        let answers = nats.subscribe(inbox.clone().into()).await;
        let mut answers = answers.map_err(|error| SigningFailed::Send(error.into()))?;
        let subject = self.subject.clone().into();
        let sent = nats.publish_with_reply(subject, inbox.into(), token.to_owned().into());
        sent.await
            .map_err(|error| SigningFailed::Send(error.into()))?;
        let answered = timeout(self.patience, answers.next()).await;
        let Ok(Some(message)) = answered else {
            return Err(SigningFailed::Late(self.subject.clone()));
        };
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(SigningFailed::NoService(self.subject.clone()));
        }
        let text = String::from_utf8_lossy(&message.payload).trim().to_owned();
        Ok(if text.starts_with(JWT) {
            Answer::Signed(text)
        } else {
            Answer::Text(text)
        })
    }
}

impl<N: Nats> SigningService for SigningSubject<N> {
    fn decide<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Answer, SigningFailed>> {
        self.ask(token).boxed()
    }
}
