//! The connection to the servers: from the command line, or from a configuration.

use std::path::PathBuf;

use clap::Args;
use portcullis_config::{Config, Nats, ServerAddress};
use portcullis_connect::{
    Authentication, CertificateFiles, Connection, ConnectionOptions, Retries, SecretSource, connect,
};

use crate::exit::ExitCode;
use crate::failure::Failure;

/// The beginning of the failure to connect.
const NO_CONNECTION: &str = "no connection: `--server` names another server, and `--creds` or \
     `--nkey-seed-file` another login";

/// The arguments about the connection. A user of the system account has to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct ConnectionArguments {
    /// The configuration, portcullis.toml, whose table `[nats]` has the servers, the login and TLS.
    /// Other arguments about the connection replace what it says.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address of a server, such as `nats://127.0.0.1:4222`; can be given several times.
    /// Default: that of the configuration, or this machine.
    #[arg(long, value_name = "URL")]
    server: Vec<ServerAddress>,
    #[command(flatten)]
    login: LoginArguments,
    /// The certificates to trust, PEM. Default: those of the system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The certificate for servers that verify their clients, PEM.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// The private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// Encrypt the connection from its first byte on, as `handshake_first` of a server requires.
    #[arg(long)]
    tls_first: bool,
}

/// The login. One way at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
struct LoginArguments {
    /// The credentials file of a user of the system account.
    #[arg(long, value_name = "FILE", group = "login")]
    creds: Option<PathBuf>,
    /// The file with the user seed (SU…) of a user of the system account.
    #[arg(long, value_name = "FILE", group = "login")]
    nkey_seed_file: Option<PathBuf>,
    /// The name of a user of the system account.
    #[arg(long, value_name = "NAME", group = "login", requires = "password_file")]
    user: Option<String>,
    /// The file with the user's password.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
}

impl ConnectionArguments {
    /// Returns the arguments of another command, which has those of its own about the connection.
    pub(crate) fn new(
        config: Option<PathBuf>,
        server: Vec<ServerAddress>,
        creds: Option<PathBuf>,
        ca_file: Option<PathBuf>,
    ) -> Self {
        Self {
            config,
            server,
            login: LoginArguments {
                creds,
                ..LoginArguments::default()
            },
            ca_file,
            ..Self::default()
        }
    }

    /// Replaces the file with the user seed.
    pub(crate) fn with_nkey_seed_file(mut self, file: Option<PathBuf>) -> Self {
        self.login.nkey_seed_file = file;
        self
    }

    /// Connects under `name`, without another attempt if it fails.
    ///
    /// # Errors
    ///
    /// Fails if the configuration or a file is wrong, or if no server takes the login.
    pub(crate) async fn connect(self, name: &str) -> Result<Connection, Failure> {
        self.connect_by(name, |config| &config.nats).await
    }

    /// Connects as [`Self::connect`] does. `table` picks the table of the configuration.
    ///
    /// # Errors
    ///
    /// Fails as [`Self::connect`] does.
    pub(crate) async fn connect_by(
        self,
        name: &str,
        table: fn(&Config) -> &Nats,
    ) -> Result<Connection, Failure> {
        let options = self.options(name, table)?;
        connect(&options).await.map_err(|error| {
            let failure = Failure::from(error);
            if failure.code() == ExitCode::Unreachable {
                failure.context(NO_CONNECTION.to_owned())
            } else {
                failure
            }
        })
    }

    fn options(
        self,
        name: &str,
        table: fn(&Config) -> &Nats,
    ) -> Result<ConnectionOptions, Failure> {
        let mut options = match &self.config {
            Some(file) => {
                let config = Config::load(file).map_err(|problems| {
                    let lines: Vec<_> = problems.into_iter().map(|it| it.to_string()).collect();
                    let problems = anyhow::anyhow!("{}", lines.join("; "));
                    Failure::new(ExitCode::BadConfiguration, problems)
                })?;
                ConnectionOptions::from(table(&config.value))
            }
            None => ConnectionOptions::new(name, vec![ServerAddress::default().to_string()]),
        };
        name.clone_into(&mut options.name);
        options.retries = Retries::Times(0);
        if !self.server.is_empty() {
            options.servers = self.server.iter().map(ToString::to_string).collect();
        }
        if let Some(authentication) = self.login.authentication() {
            options.authentication = authentication;
            // The prefix of the configuration is that of its own user.
            options.inbox_prefix = None;
        }
        options.tls.ca_file = self.ca_file.or(options.tls.ca_file);
        options.tls.first |= self.tls_first;
        if let (Some(certificate), Some(key)) = (self.cert_file, self.key_file) {
            options.tls.certificate = Some(CertificateFiles { certificate, key });
        }
        Ok(options)
    }
}

impl LoginArguments {
    fn authentication(self) -> Option<Authentication> {
        let file = SecretSource::File;
        if let Some(creds) = self.creds {
            return Some(Authentication::Credentials(file(creds)));
        }
        if let Some(seed) = self.nkey_seed_file {
            return Some(Authentication::Nkey(file(seed)));
        }
        let (user, password) = self.user.zip(self.password_file)?;
        Some(Authentication::Password {
            user,
            password: file(password),
        })
    }
}
