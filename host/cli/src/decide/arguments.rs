//! The arguments of `portcullis decide` and `portcullis access preview`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use portcullis_claims::ServerVersion;
use portcullis_core::{ConnectionType, Secret};

/// The arguments of `portcullis decide`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct DecideArguments {
    #[command(flatten)]
    pub(crate) login: LoginArguments,
    /// Print the values of the login's claims too, so that `policy diff --decisions` has them. They
    /// are the content of a token.
    #[arg(long, requires = "json")]
    pub(crate) claims: bool,
}

/// One login, and the host that decides it.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct LoginArguments {
    /// The login: an authorization request as servers send it, its decoded claims, a login in the
    /// format of policy tests, or a recorded decision, as JSON. `-` reads standard input. The
    /// options below replace values of the last two.
    #[arg(value_name = "LOGIN")]
    pub(crate) file: Option<PathBuf>,
    /// The configuration, portcullis.toml, of the host.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// The release of the nats-server, such as 2.15.3. Default: that of the request; without one,
    /// the login has to pass the rules of every release.
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    pub(crate) server_version: Option<String>,
    /// The time of the login, as seconds since the Unix epoch or in the form
    /// 2026-01-31T12:00:00Z. Default: that of the request or record, or the present time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) now: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The credentials and the connection of a login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct ClientArguments {
    /// The user name.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The password. Other users of the machine may see it: a real one belongs in LOGIN.
    #[arg(long, value_parser = secret)]
    pub(crate) password: Option<Secret>,
    /// The token, also that of an identity provider. A real one belongs in LOGIN.
    #[arg(long, value_parser = secret)]
    pub(crate) token: Option<Secret>,
    /// The user JWT. A real one belongs in LOGIN, or comes with `--creds`.
    #[arg(long, value_parser = secret, conflicts_with = "creds")]
    pub(crate) jwt: Option<Secret>,
    /// The public nkey (U…), unproved.
    #[arg(long, value_name = "NKEY")]
    pub(crate) nkey: Option<String>,
    /// A file with the seed of the user nkey (SU…), which signs the server's nonce.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["nkey", "creds"])]
    pub(crate) nkey_seed_file: Option<PathBuf>,
    /// A credentials file: a user JWT, and the seed that signs the server's nonce.
    #[arg(long, value_name = "FILE", conflicts_with = "nkey")]
    pub(crate) creds: Option<PathBuf>,
    /// A file with the client's certificate chain as PEM, the client's own first. It counts as
    /// verified by the server.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// The address of the client. Default: 127.0.0.1.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<String>,
    /// The connection type: `STANDARD`, `WEBSOCKET`, `MQTT`, `LEAFNODE` or `IN_PROCESS`. Default:
    /// `STANDARD`.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) connection_type: Option<ConnectionType>,
    /// The name of the connection.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The MQTT client id.
    #[arg(long, value_name = "ID")]
    pub(crate) mqtt_id: Option<String>,
}

impl ClientArguments {
    /// Returns whether an option was given.
    pub(crate) fn is_given(&self) -> bool {
        *self != Self::default()
    }
}

/// Parses a secret, which is not empty.
fn secret(text: &str) -> Result<Secret, &'static str> {
    if text.is_empty() {
        return Err("an empty secret counts as none: leave the option out");
    }
    Ok(Secret::new(text))
}

/// Checks that a text is a release of nats-server.
fn release(text: &str) -> Result<String, String> {
    let parsed = text.parse::<ServerVersion>();
    parsed.map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// Parses a time to seconds since the Unix epoch.
pub(crate) fn time(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time = humantime::parse_rfc3339_weak(text);
    let time = time.map_err(|error| {
        format!("{error}; give seconds since 1970 or a time such as `2026-01-31T12:00:00Z`")
    })?;
    Ok(seconds(time))
}

/// Returns the seconds since the Unix epoch.
pub(super) fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.as_ref().map_or(0, Duration::as_secs)
}
