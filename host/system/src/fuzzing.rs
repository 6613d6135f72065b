//! Reading of messages without a connection, for fuzz targets only.

use serde::de::DeserializeOwned;

use crate::envelope;
use crate::error::ReplyError;
use crate::event::{EventKind, SystemEvent};
use crate::server::ServerInfo;

/// Reads an event as [`Events`](crate::Events) does.
///
/// # Errors
///
/// Fails if the message is not an event of this kind.
pub fn read_event(kind: EventKind, payload: &[u8]) -> Result<SystemEvent, serde_json::Error> {
    kind.read(payload)
}

/// Returns the kind of the events on `subject`. `None` if no server publishes events there.
pub fn kind_of(subject: &str) -> Option<EventKind> {
    EventKind::for_subject(subject)
}

/// Reads an answer as [`SystemClient`](crate::SystemClient) does.
pub fn read_answer<T: DeserializeOwned>(payload: &[u8]) -> (ServerInfo, Result<T, ReplyError>) {
    envelope::read(payload)
}
