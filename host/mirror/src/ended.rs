//! The reasons for which a reading of a bucket ends.

use std::time::Duration;

use async_nats::SubscribeError;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::ConsumerError;

use crate::audit::Difference;
use crate::feed::FeedError;

/// The longest silence of a consumer, heartbeats included.
pub(crate) const MAX_SILENCE: Duration = Duration::from_secs(5);

/// The reason for which a reading of the bucket ends.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The bucket may have changed without a message, and is read again.
    Doubt,
    /// The bucket has changed without a message, and is read again.
    Differs(Difference),
    /// The bucket does not exist.
    Missing,
    /// The bucket is larger than the mirror's limit.
    TooLarge,
    /// The bucket cannot be followed, for this reason.
    Lost(Lost),
}

/// The reason for which the bucket cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// The consumer sends nothing, not even heartbeats.
    #[error("nothing was heard of it for {MAX_SILENCE:?}")]
    Silent,
    /// The consumer's deliveries have ended or have a gap.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The server does not describe the bucket's stream.
    #[error(transparent)]
    Stream(GetStreamError),
    /// The host cannot subscribe to the inbox of a consumer.
    #[error(transparent)]
    Subscribe(SubscribeError),
    /// The server creates no consumer.
    #[error(transparent)]
    Consumer(ConsumerError),
}

impl From<GetStreamError> for Ended {
    fn from(error: GetStreamError) -> Self {
        match error.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Self::Missing
            }
            _ => Self::Lost(Lost::Stream(error)),
        }
    }
}
