//! The places that records are read from: files, or a stream.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use portcullis_config::{Config, Nats, ServerAddress};
use portcullis_connect::Connection;
use portcullis_core::{DecisionRecord, with_causes};
use portcullis_records::{
    CannotRead, ReadRecords, RecordOptions, StreamOptions, read_file, read_stream, record_files,
};

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::complain;
use crate::system::connection::ConnectionArguments;

/// Name of the connection, as servers show it.
const NAME: &str = "portcullis-decisions";

/// The arguments about the source of records. Without `--file` and `--stream`, it is the file of
/// the configuration, or else its stream.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct SourceArguments {
    /// A file with records; can be given several times. `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "stream")]
    file: Vec<PathBuf>,
    /// Read the stream instead of the file.
    #[arg(long)]
    stream: bool,
    /// The subject of the records. Default: that of the configuration.
    #[arg(long, value_name = "SUBJECT")]
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
}

impl SourceArguments {
    /// Hands every record of the source from `since` on to `then`, the oldest first. Says on
    /// standard error how many lines are no records.
    ///
    /// # Errors
    ///
    /// Fails if there is no source, or if it cannot be read.
    pub(super) async fn read(
        self,
        since: Option<SystemTime>,
        mut then: impl FnMut(DecisionRecord),
    ) -> Result<(), Failure> {
        let mut read = ReadRecords::default();
        let files = match self.place()? {
            Place::Files(files) => Some(files),
            Place::Rotating(path) => Some(record_files(&path).map_err(|error| {
                let path = path.display();
                let error = anyhow::anyhow!("cannot list the files of `{path}`: {error}");
                Failure::new(ExitCode::NoPolicyDirectory, error)
            })?),
            Place::Stream => None,
        };
        if let Some(files) = files {
            for path in files {
                read_file(&path, &mut read, &mut then)
                    .map_err(|error| unreadable(&path, &error))?;
            }
        } else {
            let options = self.stream()?;
            let connection = self.connect().await?;
            let client = connection.client().clone();
            let reading = read_stream(client, &options, since, &mut read, &mut then);
            reading.await.map_err(|error| stream_unreadable(&error))?;
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

    /// Connects to the servers.
    ///
    /// # Errors
    ///
    /// Fails if no server takes the login.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
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
        arguments.connect_by(NAME, stream_connection).await
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
        if self.stream || self.subject.is_some() {
            return Ok(Place::Stream);
        }
        let records = self.records()?.unwrap_or_default();
        match (records.file, records.stream) {
            (Some(file), _) => Ok(Place::Rotating(file.path)),
            (None, Some(_)) => Ok(Place::Stream),
            (None, None) => Err(no_source(
                "name `--file`, `--subject`, or a configuration with `[records.file]` or `[records.stream]`",
            )),
        }
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

/// Returns the table with the connection to the stream.
fn stream_connection(config: &Config) -> &Nats {
    let own = config.records_nats.as_deref();
    own.unwrap_or(&config.nats)
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
    let error = anyhow::anyhow!("cannot read `{}`: {error}", path.display());
    Failure::new(ExitCode::NoPolicyDirectory, error)
}

fn no_source(way_out: &str) -> Failure {
    let error = anyhow::anyhow!("no decision records to read: {way_out}");
    Failure::new(ExitCode::Usage, error)
}
