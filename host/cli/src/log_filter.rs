//! A filter of log lines that can be replaced while the program runs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer};

/// A filter of log lines that can be replaced while the program runs. Unlike
/// `tracing_subscriber::reload`, it takes no lock for a line. Clones share the filter.
///
/// A filter by fields of a span knows the spans that began after it was put in place.
#[derive(Clone, Debug)]
pub(crate) struct ReplaceableFilter(Arc<ArcSwap<EnvFilter>>);

impl ReplaceableFilter {
    pub(crate) fn new(filter: EnvFilter) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(filter)))
    }

    /// Replaces the filter for later lines.
    pub(crate) fn replace(&self, filter: EnvFilter) {
        self.0.store(Arc::new(filter));
        // Places in the code remember whether their lines are written.
        tracing::callsite::rebuild_interest_cache();
    }
}

impl<S: Subscriber> Layer<S> for ReplaceableFilter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Layer::<S>::register_callsite(&**self.0.load(), metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        Layer::enabled(&**self.0.load(), metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Layer::<S>::max_level_hint(&**self.0.load())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        Layer::on_new_span(&**self.0.load(), attributes, id, context);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        Layer::on_record(&**self.0.load(), id, record, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        Layer::on_enter(&**self.0.load(), id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        Layer::on_exit(&**self.0.load(), id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        Layer::on_close(&**self.0.load(), id, context);
    }
}

#[cfg(test)]
mod tests {
    use tracing::{debug, info, subscriber};
    use tracing_subscriber::fmt::TestWriter;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn a_new_filter_decides_about_later_lines() {
        let filter = ReplaceableFilter::new(EnvFilter::new("info"));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(TestWriter::new())
            .finish()
            .with(filter.clone());
        let is_written = || tracing::enabled!(tracing::Level::DEBUG);
        subscriber::with_default(subscriber, || {
            assert!(!is_written());
            debug!("not written");
            filter.replace(EnvFilter::new("debug"));
            assert!(is_written());
            filter.replace(EnvFilter::new("warn"));
            assert!(!is_written());
            info!("not written");
        });
    }
}
