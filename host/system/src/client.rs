//! The client: one connection, and requests over it.

use std::num::NonZeroUsize;
use std::time::Duration;

use portcullis_connect::Nats;
use portcullis_core::AccountName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::envelope;
use crate::error::SystemError;
use crate::gathering::{Answers, Gathered, Gathering, GatheringEnd, Reply};
use crate::server::{ServerFilter, ServerId};
use crate::service::{AccountService, Service};
use crate::subject;

/// A client of the `$SYS` services and events, over a connection whose user is in the system
/// account. Clones share the connection.
///
/// Dropping the future of a request cancels the wait for the answer, and not the request.
#[derive(Clone, Debug)]
pub struct SystemClient<N> {
    nats: N,
    patience: Duration,
}

/// The body of a request to several servers.
#[derive(Serialize)]
struct Filtered<'a, R> {
    #[serde(flatten)]
    request: &'a R,
    #[serde(flatten)]
    filter: &'a ServerFilter,
}

impl<N: Nats> SystemClient<N> {
    /// Time that the client waits for the answer of one server, by default.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// Creates a client that uses `nats`.
    pub const fn new(nats: N) -> Self {
        Self {
            nats,
            patience: Self::PATIENCE,
        }
    }

    /// Sets the time to wait for the answer of one server. Default: [`Self::PATIENCE`].
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sends `request` to one server, and returns its answer.
    ///
    /// # Errors
    ///
    /// Fails if the server does not answer, or answers with an error.
    pub async fn ask<R: Service>(
        &self,
        server: &ServerId,
        request: &R,
    ) -> Result<R::Answer, SystemError> {
        self.order(subject::of_server(server, R::NAME), request)
            .await
    }

    /// Sends `request` to all servers that match `filter`, and returns their answers.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request. The error of one server is in its [`Reply`].
    pub async fn ask_all<R: Service>(
        &self,
        request: &R,
        filter: &ServerFilter,
        gathering: Gathering,
    ) -> Result<Gathered<R::Answer>, SystemError> {
        let body = encode(&Filtered { request, filter })?;
        self.gather(subject::of_all_servers(R::NAME), body, gathering)
            .await
    }

    /// Sends `request` about `account` to all servers, and returns their answers.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request. The error of one server is in its [`Reply`].
    pub async fn ask_account<R: AccountService>(
        &self,
        account: &AccountName,
        request: &R,
        gathering: Gathering,
    ) -> Result<Gathered<R::Answer>, SystemError> {
        let subject = subject::of_account(account, R::NAME)?;
        self.gather(subject, encode(request)?, gathering).await
    }

    /// Sends a request that one server answers, and returns the answer's data.
    pub(crate) async fn order<T: DeserializeOwned>(
        &self,
        subject: String,
        request: &(impl Serialize + Sync),
    ) -> Result<T, SystemError> {
        self.answer(subject, encode(request)?, self.patience).await
    }

    /// Sends a request that one server answers within `patience`, and returns the answer's data.
    pub(crate) async fn answer<T: DeserializeOwned>(
        &self,
        subject: String,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<T, SystemError> {
        let one = Gathering::expecting(NonZeroUsize::MIN, patience);
        let mut answers = self.request(subject.clone(), body, one).await?;
        match answers.next().await? {
            None => Err(SystemError::NoAnswer { subject, patience }),
            Some(message) => {
                let (_, data) = envelope::read(&message.payload);
                data.map_err(|source| SystemError::Reply { subject, source })
            }
        }
    }

    /// Sends a request, and reads the answers of several servers.
    pub(crate) async fn gather<T: DeserializeOwned>(
        &self,
        subject: String,
        body: Vec<u8>,
        gathering: Gathering,
    ) -> Result<Gathered<T>, SystemError> {
        self.gather_until(subject, body, gathering, |_| false).await
    }

    /// Sends a request, and reads the answers of several servers until they are `enough`.
    pub(crate) async fn gather_until<T: DeserializeOwned>(
        &self,
        subject: String,
        body: Vec<u8>,
        gathering: Gathering,
        enough: impl Fn(&[Reply<T>]) -> bool,
    ) -> Result<Gathered<T>, SystemError> {
        let mut answers = self.request(subject, body, gathering).await?;
        let mut replies = Vec::new();
        while let Some(message) = answers.next().await? {
            let (server, result) = envelope::read(&message.payload);
            let elapsed = answers.elapsed();
            replies.push(Reply {
                server,
                elapsed,
                result,
            });
            if enough(&replies) {
                let end = GatheringEnd::Complete;
                return Ok(Gathered { replies, end });
            }
        }
        let end = answers.end();
        Ok(Gathered { replies, end })
    }

    /// Sends a request, and returns the messages that answer it.
    pub(crate) async fn request(
        &self,
        subject: String,
        body: Vec<u8>,
        gathering: Gathering,
    ) -> Result<Answers<N::Subscription>, SystemError> {
        Answers::to(&self.nats, subject, body, gathering).await
    }

    /// Returns the connection.
    pub(crate) const fn nats(&self) -> &N {
        &self.nats
    }

    /// Returns the time to wait for the answer of one server.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }
}

/// Encodes the body of a request.
fn encode(request: &impl Serialize) -> Result<Vec<u8>, SystemError> {
    serde_json::to_vec(request).map_err(SystemError::Encode)
}
