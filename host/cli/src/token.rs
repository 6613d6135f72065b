//! `portcullis token get`: exchanges a token for a credentials file, whose seed is made here.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use portcullis_connect::{
    ExchangeClient, ExchangeOptions, HttpOptions, NetworkClient, StoredToken, TokenError,
};
use portcullis_core::{Secret, with_causes};
use serde_json::json;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::render_json;
use crate::runtime::one_thread;

/// The arguments of `portcullis token get`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct TokenRequest {
    /// The address of the exchange, without a path: `https://nats.example.com:9443`.
    #[arg(long, value_name = "URL")]
    exchange: String,
    /// The file with the bearer token.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// The credentials file to write. An existing file is never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The name of the user.
    #[arg(long, value_name = "NAME", default_value = "portcullis-token-get")]
    name: String,
    /// The account of the user, if the token may choose one. Default: the policy's choice.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// The wanted lifetime, such as `10m`. Default: the exchange's choice.
    #[arg(long, value_name = "TIME")]
    lifetime: Option<humantime::Duration>,
    /// The certificates to trust, PEM. Default: those of the system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Writes the credentials file. Returns the text to print, which has no secret.
///
/// # Errors
///
/// Fails if the exchange refuses or does not answer, or if the file cannot be written.
pub(crate) fn get(request: TokenRequest) -> Result<String, Failure> {
    let out = request.out.clone();
    // The exchange is not asked for a user that cannot be stored.
    if out.symlink_metadata().is_ok() {
        let exists = anyhow::anyhow!("`{}` exists; name another file", out.display());
        return Err(Failure::new(ExitCode::CannotCreate, exists));
    }
    let tokens = Arc::new(StoredToken::file(request.token_file));
    let options = ExchangeOptions {
        account: request.account,
        lifetime: request.lifetime.map(Into::into),
        http: HttpOptions {
            client: Arc::new(NetworkClient {
                ca_file: request.ca_file,
                ..NetworkClient::default()
            }),
            ..HttpOptions::default()
        },
        ..ExchangeOptions::new(request.exchange, request.name, tokens)
    };
    let client =
        ExchangeClient::new(options).map_err(|error| Failure::new(ExitCode::Usage, error))?;
    let runtime = one_thread()?;
    let credentials = runtime.block_on(client.credentials()).map_err(|error| {
        Failure::new(code_of(&error), anyhow::anyhow!("{}", with_causes(&*error)))
    })?;
    write(&out, &credentials.to_text()).map_err(|error| {
        let failed = anyhow::Error::new(error).context(format!("cannot write `{}`", out.display()));
        Failure::new(ExitCode::CannotCreate, failed)
    })?;
    let key = client.public_key();
    let ends = credentials.expires_at();
    if request.json {
        return render_json(&json!({ "file": out, "key": key, "expires_at": ends }));
    }
    let ends = ends.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
    let ends = ends.map(|at| format!(", until {}", humantime::format_rfc3339_seconds(at)));
    let ends = ends.unwrap_or_default();
    Ok(format!("{}: user {key}{ends}\n", out.display()))
}

/// Returns the exit code of a failed exchange.
fn code_of(error: &TokenError) -> ExitCode {
    match error {
        TokenError::Source(source) => code_of(source),
        TokenError::Secret(_) => ExitCode::NotFound,
        TokenError::Malformed { .. } | TokenError::Ended { .. } => ExitCode::BadConfiguration,
        error if error.is_refusal() => ExitCode::Refused,
        _ => ExitCode::Unreachable,
    }
}

/// Writes a file that only its owner can read, from its creation on.
fn write(path: &Path, content: &Secret) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content.expose().as_bytes())
}
