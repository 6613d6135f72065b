//! A signing service on a subject of NATS.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use portcullis_connect::{Nats, StatusCode};
use tokio::time::timeout;

use super::servers::Servers;
use super::sign::{Answer, SigningFailed, SigningService};

/// First letters of every JWT, and so of the answer that is one: `{"` in base 64.
const JWT: &str = "eyJ";

/// A signing service on a subject, over the connection of [`Servers`].
#[derive(Debug)]
pub struct SigningSubject<N> {
    servers: Arc<Servers<N>>,
    subject: String,
    patience: Duration,
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
