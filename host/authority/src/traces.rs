//! Traces of logins: one span a login, with a child for each stage and each policy.
//!
//! A login that is traced has an [`ActiveTrace`] from its arrival and [`StageTimes`] that its
//! stages fill. Once its reply is sent, the front door has [`Tracer::finish`] hand the spans to a
//! [`TraceSink`], which must not block. Without a sink, no clock is read for any of this.

mod active;
mod parent;
mod spans;
mod stages;
mod wall_clock;

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use data_encoding::HEXLOWER;
use portcullis_environment::{Randomness, SystemRandomness};

use self::wall_clock::WallClock;

pub use active::ActiveTrace;
pub use parent::{InvalidTraceParent, TraceParent};
pub use spans::{FinishedLogin, LoginSpan, LoginTrace, SpanValue};
pub use stages::{Stage, StageTimes};

/// A receiver of traces.
pub trait TraceSink: fmt::Debug + Send + Sync + 'static {
    /// Takes the trace of a login. Never blocks: a sink without room drops and counts it.
    fn send(&self, trace: LoginTrace);
}

/// The maker of traces. The default makes none. Clones share the sink.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    sink: Arc<dyn TraceSink>,
    /// Upper bound of the last half of a sampled trace's id.
    threshold: u64,
    randomness: Arc<dyn Randomness>,
}

impl Tracer {
    /// Returns a maker of traces for `sink`. It traces one in `one_in` logins, zero being one, of
    /// those whose request has no `traceparent`. Of the others, it traces those that the caller
    /// samples.
    pub fn new(sink: Arc<dyn TraceSink>, one_in: u32) -> Self {
        Self::with_randomness(sink, one_in, Arc::new(SystemRandomness))
    }

    fn with_randomness(
        sink: Arc<dyn TraceSink>,
        one_in: u32,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        Self(Some(Arc::new(Shared {
            sink,
            threshold: u64::MAX / u64::from(one_in.max(1)),
            randomness,
        })))
    }

    /// Returns whether logins are traced.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins the trace of a login, in the trace of its request if `parent` is given. `None` if the
    /// login is not traced.
    pub fn begin(&self, parent: Option<TraceParent>) -> Option<ActiveTrace> {
        let shared = self.0.as_ref()?;
        let (mut id, mut span) = ([0; 16], [0; 8]);
        shared.randomness.fill(&mut span);
        match parent {
            Some(parent) if parent.is_sampled => id = parent.trace_id,
            Some(_) => return None,
            None => {
                shared.randomness.fill(&mut id);
                if !shared.is_sampled(&id) {
                    return None;
                }
            }
        }
        Some(ActiveTrace {
            trace_id: HEXLOWER.encode(&id),
            id,
            span,
            parent: parent.map(|parent| parent.span_id),
        })
    }

    /// Hands the spans of a login to the sink. `now` and `wall` are the current time on both
    /// clocks.
    pub fn finish(
        &self,
        trace: &ActiveTrace,
        login: &FinishedLogin<'_>,
        now: Instant,
        wall: SystemTime,
    ) {
        if let Some(shared) = &self.0 {
            let clock = WallClock { now, wall };
            let trace = spans::assemble(trace, login, &clock, &*shared.randomness);
            shared.sink.send(trace);
        }
    }
}

impl Shared {
    /// Returns whether a new trace is sampled. As OpenTelemetry's samplers do, it looks at the end
    /// of the id, so that services agree.
    fn is_sampled(&self, id: &[u8; 16]) -> bool {
        let end = id.last_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(end) <= self.threshold
    }
}

#[cfg(test)]
mod tests;
