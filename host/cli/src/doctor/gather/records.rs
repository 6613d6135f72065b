//! The places of decision records.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use portcullis_config::Config;
use portcullis_connect::connect;
use portcullis_core::with_causes;
use portcullis_records::{StreamOptions, find_stream};

use super::disk::{MIN_SIZE, parent_of, try_directory};
use super::servers;
use crate::doctor::evidence::{RecordFile, RecordStream, Records, WriteTrial};

/// Tries the places of decision records that need no collector.
pub(super) async fn try_places(config: &Config) -> Records {
    let file = config.records.file.as_ref();
    let stream = match &config.records.stream {
        None => None,
        Some(options) => Some(RecordStream {
            subject: options.subject.clone(),
            found: look(config, options).await,
        }),
    };
    Records {
        file: file.map(|options| try_file(&options.path)),
        stream,
    }
}

/// Tries to append to the file, and to write another one next to it.
fn try_file(path: &Path) -> RecordFile {
    let trial = match OpenOptions::new().append(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => WriteTrial::Failed {
            bytes: 0,
            kind: error.kind(),
            error: error.to_string(),
        },
        Ok(_) | Err(_) => try_directory(parent_of(path).unwrap_or(path), MIN_SIZE),
    };
    RecordFile {
        path: path.to_owned(),
        trial,
    }
}

/// Looks for a stream that captures the subject, as the host does.
async fn look(config: &Config, stream: &StreamOptions) -> Result<Option<String>, String> {
    let nats = config.records_nats.as_deref().unwrap_or(&config.nats);
    let connection = connect(&servers::options(nats)).await;
    let connection = connection.map_err(|error| with_causes(&error))?;
    let found = find_stream(connection.client().clone(), stream).await;
    found.map_err(|error| with_causes(&error))
}
