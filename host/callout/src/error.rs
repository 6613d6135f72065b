//! The reasons for which a service ends by itself.

use tokio::task::JoinError;

use crate::subjects::AUTH_REQUESTS;

/// The reason for which a service ends by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A subscription cannot be made.
    #[error("cannot subscribe to `{AUTH_REQUESTS}`")]
    Subscribe(#[source] async_nats::SubscribeError),
    /// A subscription ended by itself.
    #[error("the connection to nats was closed for good")]
    Closed,
    /// The task of a connection broke: a fault of the host.
    #[error("the task of a service connection broke")]
    Task(#[source] JoinError),
    /// A service without connections.
    #[error("there is no connection to serve on")]
    NoConnection,
}
