//! The places that records are read from: files, a stream, or the memory of hosts.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use portcullis_config::{Config, Nats, ServerAddress};
use portcullis_connect::Connection;
use portcullis_core::{DecisionRecord, with_causes};
use portcullis_records::{
    CannotRead, LiveOptions, LiveReader, ReadRecords, RecordFilter, RecordOptions, StreamOptions,
    read_file, read_stream, record_files,
};

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::complain;
use crate::system::connection::ConnectionArguments;

/// Name of the connection, as servers show it.
const NAME: &str = "portcullis-decisions";

/// The arguments about the source of records. Without `--file`, `--stream` and `--live`, it is the
/// file of the configuration, or else its stream, or else the memory of the hosts.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct SourceArguments {
    /// A file with records; can be given several times. `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stream", "live"])]
    file: Vec<PathBuf>,
    /// Read the stream instead of the file.
    #[arg(long, conflicts_with = "live")]
    stream: bool,
    /// Ask the running hosts for the records that they have in memory, `[records.live]`, instead of
    /// reading the file.
    #[arg(long)]
    live: bool,
    /// The subject of the records, or with `--live` that of questions. Default: that of the
    /// configuration. With `--live` and no configuration, `portcullis.records`.
    #[arg(long, value_name = "SUBJECT", value_parser = subject)]
    subject: Option<String>,
    /// The configuration, portcullis.toml, of the host: its table `[records]` has the places of the
    /// records, and `[records.stream.nats]` or `[nats]` the servers, the login and TLS.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address of a server with the stream; can be given several times. Default: that of the
    /// configuration, or this machine.
    #[arg(long, value_name = "URL")]
    server: Vec<ServerAddress>,
    /// The credentials file of a user who may read the records. Default: the login of the
    /// configuration.
    #[arg(long, value_name = "FILE")]
    creds: Option<PathBuf>,
    /// The file with the user seed (SU…) of such a user.
    #[arg(long, value_name = "FILE", conflicts_with = "creds")]
    nkey_seed_file: Option<PathBuf>,
    /// The certificates of servers to trust, PEM. Default: those of the configuration, or of the
    /// system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// The place of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// These files.
    Files(Vec<PathBuf>),
    /// A file that a host rotates, with the files that were rotated from it.
    Rotating(PathBuf),
    /// The subject of a stream.
    Stream,
    /// The memory of the hosts that answer on this subject.
    Hosts(String),
}

impl SourceArguments {
    /// Hands every record of the source to `then` that can fit `filter`, the oldest of each host
    /// first. Says on standard error how many lines are no records, and how many records are
    /// missing.
    ///
    /// # Errors
    ///
    /// Fails if there is no source, or if it cannot be read.
    pub(super) async fn read(
        self,
        filter: &RecordFilter,
        mut then: impl FnMut(DecisionRecord),
    ) -> Result<(), Failure> {
        let mut read = ReadRecords::default();
        let place = self.place()?;
        match &place {
            Place::Files(files) => read_files(files, &mut read, then)?,
            Place::Rotating(path) => {
                let files = record_files(path).map_err(|error| {
                    let path = path.display();
                    let error = anyhow::anyhow!("cannot list the files of `{path}`: {error}");
                    Failure::new(ExitCode::NotFound, error)
                })?;
                read_files(&files, &mut read, then)?;
            }
            Place::Stream => {
                let options = self.stream()?;
                let connection = self.connect(&place).await?;
                let client = connection.client().clone();
                let since = filter.earliest();
                let reading = read_stream(client, &options, since, &mut read, &mut then);
                reading.await.map_err(|error| stream_unreadable(&error))?;
            }
            Place::Hosts(subject) => {
                let connection = self.connect(&place).await?;
                let client = connection.client().clone();
                let reader = LiveReader::new(client, subject, filter.clone()).await;
                let mut reader = reader.map_err(|error| hosts_unreadable(&error))?;
                let reading = reader.read_all(&mut read, then).await;
                reading.map_err(|error| hosts_unreadable(&error))?;
                complain_about_missing(&reader);
            }
        }
        if read.records == 0 && read.unreadable > 0 {
            return Err(no_record_at_all(read.unreadable));
        }
        if read.unreadable > 0 {
            complain(&format!(
                "portcullis: {} of {} lines are no records of this version",
                read.unreadable,
                read.records.saturating_add(read.unreadable)
            ));
        }
        Ok(())
    }

    /// Connects to the servers of `place`.
    ///
    /// # Errors
    ///
    /// Fails if no server takes the login.
    pub(super) async fn connect(&self, place: &Place) -> Result<Connection, Failure> {
        let table = match place {
            Place::Hosts(_) => hosts_connection,
            Place::Files(_) | Place::Rotating(_) | Place::Stream => stream_connection,
        };
        let Self {
            config,
            server,
            creds,
            nkey_seed_file,
            ca_file,
            ..
        } = self.clone();
        let arguments = ConnectionArguments::new(config, server, creds, ca_file)
            .with_nkey_seed_file(nkey_seed_file);
        arguments.connect_by(NAME, table).await
    }

    /// Returns the stream.
    ///
    /// # Errors
    ///
    /// Fails if the configuration has no `[records.stream]`, and no argument names a subject.
    pub(super) fn stream(&self) -> Result<StreamOptions, Failure> {
        let configured = self.records()?.and_then(|records| records.stream);
        match (&self.subject, configured) {
            (Some(subject), configured) => Ok(StreamOptions {
                subject: subject.clone(),
                domain: configured.and_then(|stream| stream.domain),
            }),
            (None, Some(stream)) => Ok(stream),
            (None, None) => Err(no_source(
                "name a subject with `--subject`, or a configuration with `[records.stream]`",
            )),
        }
    }

    /// Returns the place of the records.
    ///
    /// # Errors
    ///
    /// Fails if neither the arguments nor the configuration name one.
    pub(super) fn place(&self) -> Result<Place, Failure> {
        if !self.file.is_empty() {
            let is_input = |file: &Path| file.as_os_str() == "-";
            let path = |file: &PathBuf| {
                if is_input(file) {
                    PathBuf::from("/dev/stdin")
                } else {
                    file.clone()
                }
            };
            return Ok(Place::Files(self.file.iter().map(path).collect()));
        }
        if self.live || self.stream || self.subject.is_some() {
            return self.live_place();
        }
        match self.records()?.and_then(|records| records.file) {
            Some(file) => Ok(Place::Rotating(file.path)),
            None => self.live_place(),
        }
    }

    /// Returns the place of the records that is not a file.
    ///
    /// # Errors
    ///
    /// Fails if neither the arguments nor the configuration name one.
    pub(super) fn live_place(&self) -> Result<Place, Failure> {
        let records = self.records()?;
        if self.live {
            return self.hosts(records);
        }
        let records = records.unwrap_or_default();
        if self.stream || self.subject.is_some() || records.stream.is_some() {
            return Ok(Place::Stream);
        }
        match records.live {
            Some(live) => Ok(Place::Hosts(live.subject)),
            None => Err(no_source(
                "name `--file`, `--subject`, `--live`, or a configuration with `[records.file]`, `[records.stream]` or \
                 `[records.live]`",
            )),
        }
    }

    /// Returns the hosts that `--live` asks.
    fn hosts(&self, records: Option<RecordOptions>) -> Result<Place, Failure> {
        let subject = match (&self.subject, records) {
            (Some(subject), _) => subject.clone(),
            (None, None) => LiveOptions::default().subject,
            (None, Some(records)) => match records.live {
                Some(live) => live.subject,
                None => {
                    return Err(no_source(
                        "the configuration has no `[records.live]`: set its `subject` and start the host again, or name \
                         the subject with `--subject`",
                    ));
                }
            },
        };
        Ok(Place::Hosts(subject))
    }

    /// Returns the table `[records]` of the configuration, if one is named.
    fn records(&self) -> Result<Option<RecordOptions>, Failure> {
        let Some(file) = &self.config else {
            return Ok(None);
        };
        let config = Config::load(file).map_err(|problems| {
            let lines: Vec<_> = problems.into_iter().map(|it| it.to_string()).collect();
            let problems = anyhow::anyhow!("{}", lines.join("; "));
            Failure::new(ExitCode::BadConfiguration, problems)
        })?;
        Ok(Some(config.value.records))
    }
}

/// Parses a subject. In the protocol of servers, a blank would begin another word.
fn subject(text: &str) -> Result<String, String> {
    let is_token = |token: &str| {
        let is_plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
        !token.is_empty() && token.chars().all(is_plain)
    };
    if text.split('.').all(is_token) {
        Ok(text.to_owned())
    } else {
        Err("give a subject without blanks, such as `portcullis.decisions`".to_owned())
    }
}

/// Returns the table with the connection to the stream.
fn stream_connection(config: &Config) -> &Nats {
    let own = config.records_nats.as_deref();
    own.unwrap_or(&config.nats)
}

/// Returns the table with the connection to the hosts.
const fn hosts_connection(config: &Config) -> &Nats {
    &config.nats
}

fn read_files(
    files: &[PathBuf],
    read: &mut ReadRecords,
    mut then: impl FnMut(DecisionRecord),
) -> Result<(), Failure> {
    for path in files {
        read_file(path, read, &mut then).map_err(|error| unreadable(path, &error))?;
    }
    Ok(())
}

/// Says on standard error how many records hosts no longer have.
fn complain_about_missing(reader: &LiveReader) {
    let missing = reader.missing();
    if missing > 0 {
        complain(&format!(
            "portcullis: {missing} older records are no longer in the memory of the hosts: `max-records` and `max-size` \
             under [records.live] bound it"
        ));
    }
}

/// Returns the failure to read the memory of hosts.
pub(super) fn hosts_unreadable(error: &CannotRead) -> Failure {
    let error = anyhow::anyhow!(
        "{}; the user may also lack the permission to publish there, so name another one with `--creds` or \
         `--nkey-seed-file`",
        with_causes(error)
    );
    Failure::new(ExitCode::Unreachable, error)
}

/// Returns the failure to read a stream.
fn stream_unreadable(error: &CannotRead) -> Failure {
    let error = anyhow::anyhow!(
        "{}; the user may lack the permission, so name another one with `--creds` or `--nkey-seed-file`",
        with_causes(error)
    );
    Failure::new(ExitCode::Unreachable, error)
}

/// Returns the failure to read a file.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let way_out = match error.kind() {
        io::ErrorKind::NotFound => "; a host makes its file when it starts, on its own machine",
        io::ErrorKind::PermissionDenied => {
            "; only the user of the host may read its file, so run this as that user or as root"
        }
        _ => "",
    };
    let error = anyhow::anyhow!("cannot read `{}`: {error}{way_out}", path.display());
    Failure::new(ExitCode::NotFound, error)
}

/// Returns the failure of a source that has something else than records. An empty answer would say
/// that there were no logins.
fn no_record_at_all(lines: u64) -> Failure {
    let error = anyhow::anyhow!(
        "none of {lines} lines is a decision record: name the file or the subject of `[records]`"
    );
    Failure::new(ExitCode::NotFound, error)
}

fn no_source(way_out: &str) -> Failure {
    let error = anyhow::anyhow!("no decision records to read: {way_out}");
    Failure::new(ExitCode::Usage, error)
}
