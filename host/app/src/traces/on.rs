//! The exporter of traces, if the configuration has one.

use std::time::Duration;

use portcullis_authority::AuthorityOptions;
use portcullis_config::Config;
use portcullis_records::TraceExporter;

use crate::error::RunError;
use crate::health::Readiness;

/// The exporter of a host's traces. `None` if no login is traced.
pub(crate) struct Traces(Option<TraceExporter>);

impl Traces {
    /// Starts the exporter, and has the authority trace logins. `start_id` is the one of the host's
    /// records.
    pub(crate) fn start(
        config: &Config,
        authority: &mut AuthorityOptions,
        start_id: Option<&str>,
    ) -> Result<Self, RunError> {
        let Some(options) = &config.telemetry.traces else {
            return Ok(Self(None));
        };
        let (name, version) = (&config.nats.name, env!("CARGO_PKG_VERSION"));
        let exporter = TraceExporter::start(options, name, version, start_id);
        let exporter = exporter.map_err(RunError::Traces)?;
        authority.tracer = exporter.tracer();
        Ok(Self(Some(exporter)))
    }

    /// Adds the metrics of the exporter.
    pub(crate) fn add_samples(&self, readiness: &Readiness) {
        if let Some(exporter) = &self.0 {
            readiness.add_samples(exporter.metrics());
        }
    }

    /// Waits until the traces are sent, at most for `limit`.
    pub(crate) async fn finish(self, limit: Duration) {
        if let Some(exporter) = self.0 {
            exporter.finish(limit).await;
        }
    }
}
