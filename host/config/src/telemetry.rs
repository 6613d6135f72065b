//! Table `[telemetry]`: traces of logins.

use portcullis_records::TraceOptions;
use portcullis_toml::{Read, Section};

use crate::otlp;
use crate::sources::NamedSecrets;

/// The table of the collector of traces.
pub(crate) const COLLECTOR: &str = "telemetry.traces";

/// Maximum of `one-in`.
const MAX_ONE_IN: usize = 1_000_000;

/// The table `[telemetry]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telemetry {
    /// Traces of logins. `None`, the default, traces none.
    pub traces: Option<TraceOptions>,
}

impl Telemetry {
    /// Reads the table.
    pub(crate) fn read(mut section: Section<'_>, secrets: &NamedSecrets) -> Option<Self> {
        let traces = read_traces(section.section("traces"), secrets);
        section.finish();
        Some(Self { traces: traces? })
    }
}

/// Reads `[telemetry.traces]`, which names an address if it is on.
fn read_traces(mut section: Section<'_>, secrets: &NamedSecrets) -> Read<Option<TraceOptions>> {
    let collector = otlp::read(&mut section, &otlp::TRACES, secrets);
    let one_in = match section.setting("one-in") {
        None => Some(1),
        Some(setting) => setting.count(MAX_ONE_IN),
    };
    if !cfg!(feature = "otel") && matches!(collector, Some(Some(_))) {
        section.report(
            "this program is built without traces: build it with the feature `otel`, or remove the table",
        );
        return None;
    }
    section.finish();
    let (collector, one_in) = (collector?, one_in?);
    Some(collector.map(|collector| TraceOptions {
        one_in: u32::try_from(one_in).unwrap_or(u32::MAX),
        ..TraceOptions::new(collector)
    }))
}
