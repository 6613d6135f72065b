//! The reasons for which a service ends before it is stopped.

use portcullis_connect::SubscribeError;
use tokio::task::JoinError;

use crate::subjects::AUTH_REQUESTS;

/// The reason for which a service ends before it is stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The host cannot make a subscription.
    #[error("cannot subscribe to `{AUTH_REQUESTS}`")]
    Subscribe(#[source] SubscribeError),
    /// A subscription ended although the host did not end it.
    #[error("the connection to nats was closed for good")]
    Closed,
    /// The task of a connection panicked, which is a fault of the host.
    #[error("the task of a service connection broke")]
    Task(#[source] JoinError),
    /// The service has no connections.
    #[error("there is no connection to serve on")]
    NoConnection,
}
