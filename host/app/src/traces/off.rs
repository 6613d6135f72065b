//! The absence of traces.

use std::time::Duration;

use portcullis_authority::AuthorityOptions;
use portcullis_config::Config;

use crate::error::RunError;
use crate::health::Readiness;

/// No exporter, with the functions of the real one.
pub(crate) struct Traces;

#[expect(
    clippy::unused_self,
    clippy::unused_async,
    clippy::unnecessary_wraps,
    reason = "the functions are those of the exporter"
)]
impl Traces {
    pub(crate) fn start(
        _: &Config,
        _: &mut AuthorityOptions,
        _: Option<&str>,
    ) -> Result<Self, RunError> {
        Ok(Self)
    }

    pub(crate) fn add_samples(&self, _: &Readiness) {}

    pub(crate) async fn finish(self, _: Duration) {}
}
