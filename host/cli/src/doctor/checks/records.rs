//! The places of decision records.

use std::io;

use crate::doctor::evidence::{Evidence, RecordFile, RecordStream, WriteTrial};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// The part of a reason by which `JetStream` says that it has no leader.
const UNAVAILABLE: &str = "code 503";

/// Finds places that take no records.
pub(super) fn places(evidence: &Evidence) -> Checked {
    let Some(records) = &evidence.records else {
        return Checked::impossible("the configuration is invalid");
    };
    let mut checked = Checked::default();
    // A host without a place for records loses none.
    checked.examine(None);
    checked.examine(records.file.as_ref().and_then(file));
    if let Some(stream) = &records.stream {
        match &stream.found {
            Ok(Some(_)) => {}
            Ok(None) => checked.examine(Some(missing(stream))),
            Err(error) if error.contains(UNAVAILABLE) => {
                checked.examine(Some(unavailable(stream, error)));
            }
            Err(error) => checked.skip(format!(
                "whether a stream captures `{}` is unknown: {error}",
                stream.subject
            )),
        }
    }
    checked
}

fn file(file: &RecordFile) -> Option<Finding> {
    let WriteTrial::Failed { kind, error, .. } = &file.trial else {
        return None;
    };
    let remedy = match kind {
        io::ErrorKind::StorageFull => {
            "make room on its file system, or set `path` under [records.file] to a file on another one"
        }
        io::ErrorKind::PermissionDenied => {
            "give the folder and the file to the user of the host (`chown`); run this command as that user"
        }
        _ => {
            "set `path` under [records.file] to a file that the host may write to; under systemd, that is one in \
             `/var/lib/portcullis`"
        }
    };
    let cause = format!(
        "the file of decision records `{}` cannot be written",
        file.path.display()
    );
    let finding = Finding::new(Code::RecordsUnwritable, cause, remedy);
    Some(finding.because(error))
}

fn missing(stream: &RecordStream) -> Finding {
    let subject = &stream.subject;
    Finding::new(
        Code::RecordsStreamMissing,
        format!("no stream captures `{subject}`, the subject of decision records"),
        "create a stream with this subject in the account of the connection, or remove [records.stream]",
    )
}

fn unavailable(stream: &RecordStream, error: &str) -> Finding {
    let subject = &stream.subject;
    Finding::new(
        Code::RecordsStreamUnavailable,
        format!("JetStream does not work, so no stream takes decision records on `{subject}`"),
        "start the servers that are down: JetStream needs more than half of them; `nats server report jetstream` shows \
         whether there is a leader",
    )
    .because(error)
    .because("records wait for some time, and are then lost in this place; `[records.file]` has them")
}
