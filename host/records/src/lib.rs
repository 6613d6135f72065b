//! The sinks of decision records: rotating files, streams of `JetStream`, collectors of OTLP logs,
//! events for applications, and the memory of the host.
//!
//! ```text
//! front doors ─▶ Recorder ─▶ dispatcher ─┬─▶ file
//!              (bounded)   (serialises)  ├─▶ stream
//!                                        ├─▶ OTLP
//!                                        └─▶ events
//! ```
//!
//! The dispatcher and each sink have a thread of their own and a bounded queue. The memory has
//! neither: the dispatcher fills it. A sink that is slow or fails loses its own records, which it
//! counts, and delays neither logins nor other sinks. With
//! [`WhenRecordsFull::Block`](portcullis_authority::WhenRecordsFull::Block), sinks try again until
//! they succeed, and logins wait once the queues are full.
//!
//! # Layout
//!
//! - [`RecordSinks`]: the threads, their numbers and their end. [`RecordOptions`]: their content
//!   and places.
//! - [`FileOptions`]: the rotating file. [`StreamOptions`]: the stream. [`OtlpOptions`]: the
//!   collector. [`EventOptions`]: the events for applications. [`RecordReceiver`]: a function of an
//!   embedding program.
//! - [`TraceOptions`]: the collector of traces of logins. With the feature `otel`, off by default,
//!   `TraceExporter` sends them.
//! - [`LiveOptions`]: the newest records in the host's memory, and the endpoint that answers with
//!   them. [`LiveQuestion`] and [`LivePage`]: what it takes and answers.
//! - [`read_file`], [`read_stream`], [`follow`], [`RecordTail`], [`LiveReader`]: reading of
//!   records, for tools. [`RecordFilter`]: the choice among them.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test waits in real time, or compares with it"
    )
)]

mod archive;
mod dispatcher;
mod event;
mod file;
mod filter;
mod line;
mod live;
mod otlp;
mod permissions;
mod receiver;
mod sink;
mod sinks;
mod stream;
mod tail;
mod trace_options;
#[cfg(feature = "otel")]
mod traces;

pub use archive::{
    CannotRead, ReadRecords, find_stream, follow, read_file, read_stream, record_files,
};
pub use event::{EventOptions, EventSubject, InvalidEventSubject};
pub use file::{FileError, FileOptions};
pub use filter::RecordFilter;
pub use live::{LiveHost, LiveOptions, LivePage, LiveQuestion, LiveReader};
pub use otlp::{CertificatesError, InvalidCollector, OtlpOptions};
pub use receiver::RecordReceiver;
pub use sinks::{CannotRecord, RecordOptions, RecordSinks, StreamConnection};
pub use stream::StreamOptions;
pub use tail::RecordTail;
pub use trace_options::TraceOptions;
#[cfg(feature = "otel")]
pub use traces::TraceExporter;
