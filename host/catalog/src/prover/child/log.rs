//! Forwarding of a child's log lines, including those of the policy, to the host's log.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::output::{Output, send};
use crate::prover::message::{self, Kind, Line};

/// A subscriber that sends the events of this program's own crates to the host.
pub(super) struct Forwarding {
    max_level: LevelFilter,
    output: Output,
    /// Number of lines sent.
    lines: AtomicU64,
}

impl Forwarding {
    /// Maximum number of lines. A policy has a limit for each decision, and may have many tests.
    const MAX_LINES: u64 = 1_000;

    /// Returns a subscriber; `max_level` is the most detailed level that the host logs.
    pub(super) fn new(max_level: &str, output: &Output) -> Self {
        Self {
            max_level: max_level.parse().unwrap_or(LevelFilter::INFO),
            output: Output::clone(output),
            lines: AtomicU64::new(0),
        }
    }
}

impl Subscriber for Forwarding {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && *metadata.level() <= self.max_level
            && metadata.target().starts_with("portcullis")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.max_level)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if self.lines.fetch_add(1, Ordering::Relaxed) >= Self::MAX_LINES {
            return;
        }
        let mut line = Line {
            level: event.metadata().level().to_string(),
            ..Line::default()
        };
        event.record(&mut line);
        // If the host is gone, the line is lost; this process ends soon.
        let _ = send(&self.output, |to| message::say(to, Kind::Log, &line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.fields
                .push((field.name().to_owned(), value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
