//! The places that the facts about decided logins go to: decision records and traces.

use std::time::Duration;

use portcullis_authority::AuthorityOptions;
use portcullis_config::Config;
use portcullis_records::RecordSinks;

use crate::error::RunError;
use crate::health::Readiness;
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
        authority: &mut AuthorityOptions,
    ) -> Result<Self, RunError> {
        let (name, version) = (&config.nats.name, env!("CARGO_PKG_VERSION"));
        let records = RecordSinks::start(&config.records, name, version)?;
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

    /// Waits until the sinks have what they were given, at most for some seconds.
    pub(crate) async fn finish(self) {
        if let Some(records) = self.records {
            records.finish(LIMIT).await;
        }
        self.traces.finish(LIMIT).await;
    }
}
