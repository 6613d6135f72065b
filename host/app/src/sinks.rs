//! The places that the facts about decided logins go to: decision records and traces.

use std::sync::Arc;
use std::time::Duration;

use portcullis_authority::AuthorityOptions;
use portcullis_config::Config;
use portcullis_connect::ConnectionHooks;
use portcullis_records::{RecordReceiver, RecordSinks};
use tokio::task::JoinSet;

use crate::error::RunError;
use crate::health::Readiness;
use crate::records::connect_stream;
use crate::traces::Traces;

/// Maximum wait at the end for decision records to be written, and for traces to be sent.
const LIMIT: Duration = Duration::from_secs(2);

/// The running sinks.
pub(crate) struct Sinks {
    /// The sinks of decision records. `None` if logins are not recorded.
    pub(crate) records: Option<RecordSinks>,
    traces: Traces,
}

impl Sinks {
    /// Starts the sinks, and has the authority fill them.
    pub(crate) fn start(
        config: &Config,
        receiver: Option<RecordReceiver>,
        authority: &mut AuthorityOptions,
    ) -> Result<Self, RunError> {
        let (name, version) = (&config.nats.name, env!("CARGO_PKG_VERSION"));
        let records = RecordSinks::start(&config.records, receiver, name, version)?;
        if let Some(records) = &records {
            authority.recorder = records.recorder();
        }
        let start_id = records.as_ref().map(RecordSinks::start_id);
        let traces = Traces::start(config, authority, start_id)?;
        Ok(Self { records, traces })
    }

    /// Adds the metrics of the sinks.
    pub(crate) fn add_samples(&self, readiness: &Readiness) {
        if let Some(records) = &self.records {
            readiness.add_samples(records.metrics());
        }
        self.traces.add_samples(readiness);
    }

    /// Connects the stream of records, if it has a connection of its own.
    pub(crate) fn connect(
        &mut self,
        config: &Config,
        tasks: &mut JoinSet<()>,
        hooks: &Arc<dyn ConnectionHooks>,
        readiness: &Readiness,
    ) {
        if let Some(nats) = &config.records_nats
            && let Some(stream) = self.records.as_mut().and_then(RecordSinks::take_stream)
        {
            connect_stream(stream, nats, tasks, Arc::clone(hooks), readiness);
        }
    }

    /// Waits until the sinks have what they were given, at most for some seconds.
    pub(crate) async fn finish(self) {
        if let Some(records) = self.records {
            records.finish(LIMIT).await;
        }
        self.traces.finish(LIMIT).await;
    }
}
