//! The newest records of a host in its memory, and the endpoint that answers with them over NATS.
//!
//! ```text
//! dispatcher ─▶ LiveRecords ◀─ endpoint ◀─ LiveQuestion ─ reader
//!               (bounded)        └──────── LivePage ─────▶
//! ```
//!
//! The dispatcher copies the text of each record, on the thread that serialises it for all places.
//! Logins take no part in that. Each host answers with its own records, so a question has no queue
//! group. Each page is small, because it leaves over the connection that carries replies to logins.

mod endpoint;
mod newest;
mod options;
mod protocol;
mod reader;

pub(crate) use endpoint::serve;
pub(crate) use newest::LiveRecords;
pub use options::LiveOptions;
pub use protocol::{LiveHost, LivePage, LiveQuestion};
pub use reader::LiveReader;
