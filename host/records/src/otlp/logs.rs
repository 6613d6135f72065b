//! Decision records as log records of OTLP.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use portcullis_core::{DecisionRecord, LoginOutcome, RecordedAccess, RecordedVerdict};
use portcullis_environment::{Clock as _, SystemClock};
use prost::Message as _;

use super::sink::Signal;
use super::values::{Attributes, Origin, any, nanoseconds, trace_id};
use crate::line::Line;

/// Name of the event that a log record is about.
const EVENT: &str = "portcullis.decision";

/// Records as log records.
pub(crate) struct Logs;

impl Signal for Logs {
    type Record = Line;

    fn size(line: &Line) -> usize {
        line.text.len()
    }

    fn encode(lines: &[Arc<Line>], origin: &Origin) -> Vec<u8> {
        let now = SystemClock.wall();
        let logs = ScopeLogs {
            scope: Some(origin.scope()),
            log_records: lines.iter().map(|line| log_record(line, now)).collect(),
            ..ScopeLogs::default()
        };
        let logs = ResourceLogs {
            resource: Some(origin.resource()),
            scope_logs: vec![logs],
            ..ResourceLogs::default()
        };
        let request = ExportLogsServiceRequest {
            resource_logs: vec![logs],
        };
        request.encode_to_vec()
    }

    fn refused(answer: &[u8]) -> Option<(i64, String)> {
        // An answer in another form comes from a service that accepted the request.
        let answer = ExportLogsServiceResponse::decode(answer).ok()?;
        let partial = answer.partial_success?;
        Some((partial.rejected_log_records, partial.error_message))
    }
}

/// Returns the log record of a line. The body is the decision record as JSON, as files have it.
fn log_record(line: &Line, observed_at: SystemTime) -> LogRecord {
    let record = line.record();
    let severity = severity(record);
    let time = humantime::parse_rfc3339(&record.time).unwrap_or(observed_at);
    let body = String::from_utf8_lossy(&line.json()).into_owned();
    LogRecord {
        time_unix_nano: nanoseconds(time),
        observed_time_unix_nano: nanoseconds(observed_at),
        severity_number: severity.into(),
        severity_text: severity_text(severity).to_owned(),
        body: Some(any(Value::StringValue(body))),
        attributes: attributes(record).into(),
        trace_id: record.trace_id.as_deref().map_or_else(Vec::new, trace_id),
        event_name: EVENT.to_owned(),
        ..LogRecord::default()
    }
}

/// Returns the severity: an error if the host or a policy is at fault, a warning if a permitted
/// client is not known to be in.
fn severity(record: &DecisionRecord) -> SeverityNumber {
    if record.blame.is_some() {
        return SeverityNumber::Error;
    }
    match record.outcome {
        LoginOutcome::Admitted | LoginOutcome::Issued | LoginOutcome::Denied => {
            SeverityNumber::Info
        }
        LoginOutcome::Rejected
        | LoginOutcome::GivenUp
        | LoginOutcome::Lost
        | LoginOutcome::Unconfirmed => SeverityNumber::Warn,
    }
}

const fn severity_text(severity: SeverityNumber) -> &'static str {
    match severity {
        SeverityNumber::Error => "ERROR",
        SeverityNumber::Warn => "WARN",
        _ => "INFO",
    }
}

/// Returns the facts that people search by, under the names of the log line.
fn attributes(record: &DecisionRecord) -> Attributes {
    let login = &record.login;
    let policy = record.policy.as_ref();
    let access = record.access.as_ref();
    let decision = match record.verdict {
        RecordedVerdict::Permit => "permit",
        RecordedVerdict::Deny => "deny",
    };
    Attributes::default()
        .text("record.id", Some(&record.id))
        .text("decision", Some(decision))
        .text("outcome", Some(record.outcome.as_str()))
        .text("denial.class", record.class.as_deref())
        .text("denial.reason", record.reason.as_deref())
        .text("denial.blame", record.blame.as_deref())
        .text("policy.name", policy.map(|policy| policy.name.as_str()))
        .text(
            "policy.version",
            policy.map(|policy| policy.version.as_str()),
        )
        .number("policy.generation", policy.map(|policy| policy.generation))
        .text("account", access.map(RecordedAccess::account_name))
        .text("role", access.and_then(|access| access.role.as_deref()))
        .text("user_nkey", Some(&record.user_nkey))
        .text("client.host", login.client.host.as_deref())
        .text("client.name", login.client.name.as_deref())
        .text("client.method", Some(&login.identity.method))
        .text("identity.principal", login.identity.principal.as_deref())
        .text("identity.issuer", login.identity.issuer.as_deref())
        .text("server.id", Some(&login.server.id))
        .text("server.name", Some(&login.server.name))
        .text("reply", Some(&record.reply))
        .text("request_id", record.request_id.as_deref())
        .number("elapsed_us", Some(record.elapsed_us))
}
