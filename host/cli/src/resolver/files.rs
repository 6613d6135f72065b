//! The files that a running resolver reads again: certificate and bearer token.

use std::path::PathBuf;

use portcullis_connect::{CertificateFiles, SecretError, SecretSource, TlsFileError};
use portcullis_core::{Secret, with_causes};
use portcullis_http::{NotRead, Refreshed, ServerTls, TlsError};

use crate::exit::ExitCode;
use crate::failure::Failure;

/// Minimum length of a bearer token, in bytes.
const MIN_BEARER: usize = 20;

/// A reason why a file has no bearer token.
#[derive(Debug, thiserror::Error)]
enum BearerError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(
        "`{0}` has no bearer token: it needs {MIN_BEARER} or more letters, digits and signs, without spaces"
    )]
    Weak(PathBuf),
}

/// Starts TLS with the certificate of `files`.
pub(super) async fn tls(files: CertificateFiles) -> Result<ServerTls, Failure> {
    let failed = |error: &TlsFileError| {
        let error = with_causes(error);
        tracing::error!(
            error,
            "certificate of the resolver not read, the last one stays in use"
        );
    };
    let started = ServerTls::start(move || files.read(), failed).await;
    started.map_err(|error| match error {
        TlsError::Certificate(error) => unread(error),
        error @ TlsError::Library(_) => Failure::internal(error),
    })
}

/// Reads the bearer token in `file`.
pub(super) async fn bearer(file: PathBuf) -> Result<Refreshed<Secret>, Failure> {
    let source = SecretSource::File(file.clone());
    let read = move || match source.read()? {
        token if is_strong(token.expose()) => Ok(token),
        _ => Err(BearerError::Weak(file.clone())),
    };
    let failed = |error: &BearerError| {
        let error = with_causes(error);
        tracing::error!(error, "bearer token not read, the last one stays in use");
    };
    Refreshed::start(read, failed).await.map_err(unread)
}

fn is_strong(token: &str) -> bool {
    token.len() >= MIN_BEARER && token.bytes().all(|byte| byte.is_ascii_graphic())
}

fn unread<E: std::error::Error + Send + Sync + 'static>(error: NotRead<E>) -> Failure {
    let code = match error {
        NotRead::Unusable(_) => ExitCode::BadConfiguration,
        NotRead::Task(_) => ExitCode::Internal,
    };
    Failure::new(code, error)
}
