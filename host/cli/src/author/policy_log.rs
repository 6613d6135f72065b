//! The warnings of policies, collected while this process loads them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The warnings of policies so far, each once: a policy is loaded twice to be tested.
#[derive(Clone, Debug, Default)]
pub(super) struct PolicyLog(Arc<Mutex<BTreeSet<String>>>);

impl PolicyLog {
    /// Starts to collect. This process has no other log.
    ///
    /// # Errors
    ///
    /// Fails if the process has a log.
    pub(super) fn start() -> Result<Self, SetGlobalDefaultError> {
        let log = Self::default();
        let layer = log.clone().with_filter(LevelFilter::WARN);
        set_global_default(tracing_subscriber::registry().with(layer))?;
        Ok(log)
    }

    /// Returns and removes the warnings so far.
    pub(super) fn take(&self) -> BTreeSet<String> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Subscriber> Layer<S> for PolicyLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        if let Some(line) = message.0 {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(line);
        }
    }
}

/// The line of a policy in an event.
#[derive(Default)]
struct Message(Option<String>);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "guest.message" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
