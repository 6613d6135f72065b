//! `portcullis resolver`: serves the account JWTs of a store to NATS servers.

mod files;

use std::future::pending;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use portcullis_accounts::resolver::{
    Announcer, OtherResolvers, Resolver, ResolverOptions, Servers, SigningSubject,
};
use portcullis_accounts::{ActivationLimits, Store};
use portcullis_config::{LogFilter, LogFormat, WhenFull};
use portcullis_connect::{AdditionalOptions, CertificateFiles, ConnectionOptions, Nats, connect};
use portcullis_core::{KeyKind, PermissionSubject, PublicKey};
use portcullis_environment::{Randomness as _, SystemClock, SystemRandomness};
use portcullis_files::SystemDisk;
use portcullis_http::{HttpListener, ServerTls};
use portcullis_system::ServerInfo;
use tracing::info;

use crate::accounts::{some_time, store_failure};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::file_limit::raise_file_limit;
use crate::log_arguments::{log_filter, log_format};
use crate::runtime::STOP_LIMIT;
use crate::servers::ServerArguments;
use crate::{signals, telemetry};

/// The arguments of the command.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct ResolverArguments {
    /// The directory of the store. The command reads `operator.jwt` and reads and writes
    /// `accounts`. It needs no seeds.
    #[arg(long, env = "PORTCULLIS_STORE", value_name = "DIR")]
    store: PathBuf,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// The certificate of the listener, PEM. Default: HTTP without TLS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The file with a bearer token that writes, packs and notifications have to present. Without
    /// it, any client may store a JWT that the operator signed.
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<PathBuf>,
    /// The address that serves the metrics, at `/metrics`. Default: none.
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// The name of the connection, and of the resolver in its answers. Give each of several
    /// resolvers a name of its own.
    #[arg(long, value_name = "NAME", default_value = "portcullis-resolver")]
    name: String,
    #[command(flatten)]
    nats: NatsArguments,
    #[command(flatten)]
    activations: ActivationArguments,
    /// The origin of web pages that may call the resolver, such as `https://tools.example.com`; can
    /// be given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    allow_origin: Vec<String>,
    /// The format of the logs.
    #[arg(long, value_name = "FORMAT", value_parser = log_format(), default_value = "pretty")]
    log_format: LogFormat,
    /// The log level: `info`, `debug` or a filter.
    #[arg(long, value_name = "LEVEL", value_parser = log_filter, default_value_t)]
    log_level: LogFilter,
}

/// The activation tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
struct ActivationArguments {
    /// Store and serve activation tokens.
    #[arg(long)]
    activations: bool,
    /// The maximum number of activation tokens.
    #[arg(long, value_name = "NUMBER", requires = "activations", default_value_t = ActivationLimits::DEFAULT.total)]
    max_activations: usize,
    /// The maximum number of activation tokens that one account signed.
    #[arg(long, value_name = "NUMBER", requires = "activations", default_value_t = ActivationLimits::DEFAULT.per_account)]
    max_account_activations: usize,
}

/// The requests over NATS.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
struct NatsArguments {
    // The resolver answers requests of these servers, and tells them of new versions.
    #[command(flatten)]
    servers: ServerArguments,
    /// The interval at which the accounts of other resolvers are fetched.
    #[arg(long, requires = "server", value_name = "TIME", default_value = "1m", value_parser = some_time)]
    sync_interval: Duration,
    /// Delete accounts on request over NATS, if the operator signed the request.
    #[arg(long, requires = "server")]
    allow_delete: bool,
    /// The subject of a service that decides about accounts that signed themselves.
    #[arg(long, value_name = "SUBJECT", requires = "server", value_parser = subject)]
    sign_subject: Option<String>,
    /// The time to wait for an answer of that service.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = some_time)]
    sign_timeout: Duration,
}

impl ActivationArguments {
    const fn limits(self) -> ActivationLimits {
        ActivationLimits {
            total: self.max_activations,
            per_account: self.max_account_activations,
        }
    }
}

impl ResolverArguments {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be used, if the store has no operator, or if the address is in use.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let _log = telemetry::init(self.log_format, &self.log_level, WhenFull::default())
            .map_err(Failure::internal)?;
        raise_file_limit();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(Failure::internal)?;
        let served = runtime.block_on(self.serve());
        // Dropping the runtime would wait for threads that may never end, such as one on a hung
        // mount.
        runtime.shutdown_timeout(STOP_LIMIT);
        served.map(|()| ExitCode::Success)
    }

    async fn serve(self) -> Result<(), Failure> {
        let stop = signals::stop_requested().map_err(Failure::internal)?;
        let bearer = match self.bearer_file {
            None => None,
            Some(file) => Some(Arc::new(files::bearer(file).await?)),
        };
        let options = ResolverOptions {
            bearer,
            activations: self.activations.activations,
            activation_limits: self.activations.limits(),
            allowed_origins: self.allow_origin,
            allow_delete: self.nats.allow_delete,
            sync_interval: self.nats.sync_interval,
            ..ResolverOptions::default()
        };
        let tls = self.tls_cert.zip(self.tls_key);
        let tls = match tls {
            None => None,
            Some((certificate, key)) => {
                Some(files::tls(CertificateFiles { certificate, key }).await?)
            }
        };
        let store = Store::at(Arc::new(SystemDisk), &self.store);
        store.operator().map_err(store_failure)?;
        store.warn_of_exposed();
        let listener = bind(self.listen, tls).await?;
        let metrics = match self.metrics_listen {
            None => None,
            Some(address) => Some(bind(address, None).await?),
        };
        let (sign_subject, sign_timeout) = (self.nats.sign_subject, self.nats.sign_timeout);
        let connection = connection(&self.nats.servers, &self.name);
        let servers = Arc::new(Servers::new());
        let announcer = Arc::clone(&servers) as Arc<dyn Announcer>;
        let announcer = connection.is_some().then_some(announcer);
        let resolver = Resolver::new(store, Arc::new(SystemClock), options, announcer);
        if connection.is_some() {
            resolver.ask(Arc::clone(&servers) as Arc<dyn OtherResolvers>);
        }
        if let Some(subject) = sign_subject {
            let service = SigningSubject::new(Arc::clone(&servers), subject, sign_timeout);
            resolver.sign_with(Arc::new(service));
        }
        let (address, with_tls) = (listener.address(), listener.has_tls());
        info!(resolver.address = %address, resolver.tls = with_tls, "accounts served");
        let answered = async {
            let Some(connection) = connection else {
                return pending().await;
            };
            match connect(&connection).await {
                Ok(made) => {
                    let nats = made.client().clone();
                    answer(&servers, resolver.clone(), nats, self.name).await
                }
                Err(error) => error.into(),
            }
        };
        let measured = async {
            if let Some(listener) = metrics {
                info!(resolver.address = %listener.address(), "metrics served");
                resolver.clone().serve_metrics(listener, pending()).await;
            }
            pending::<()>().await;
        };
        tokio::select! {
            () = resolver.clone().serve(listener, stop) => Ok(()),
            failure = answered => Err(failure),
            () = measured => Ok(()),
            () = resolver.maintain() => Ok(()),
        }
    }
}

/// Returns the options of the connection to servers. `None` without a server.
fn connection(servers: &ServerArguments, name: &str) -> Option<ConnectionOptions> {
    let mut options = servers.connection(name)?;
    // The resolver would otherwise receive its own announcements.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "this crate does not name the client library"
    )]
    let no_echo = AdditionalOptions::new(|options| options.no_echo());
    options.additional = no_echo;
    Some(options)
}

async fn bind(address: SocketAddr, tls: Option<ServerTls>) -> Result<HttpListener, Failure> {
    let bound = HttpListener::bind(address, tls).await;
    bound.map_err(|error| Failure::new(ExitCode::CannotListen, error))
}

/// Parses a subject to which requests are sent.
fn subject(text: &str) -> Result<String, String> {
    match PermissionSubject::publish(text) {
        Ok(subject) if !text.contains(['*', '>']) => Ok(subject.to_string()),
        Ok(_) => Err("expected a subject without `*` and `>`".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Parses the origin of web pages, in the form in which browsers send it.
fn origin(text: &str) -> Result<String, String> {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']) => {
            Ok(text.to_owned())
        }
        _ => Err("expected `https://HOST` or `https://HOST:PORT`, without a path".to_owned()),
    }
}

/// Answers requests of servers over NATS. Returns when the connection is closed for good.
async fn answer<N: Nats>(
    servers: &Servers<N>,
    resolver: Resolver,
    nats: N,
    name: String,
) -> Failure {
    let mut id = [0; PublicKey::LEN];
    SystemRandomness.fill(&mut id);
    let server = ServerInfo {
        name,
        id: PublicKey::from_bytes(KeyKind::Server, id).to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..ServerInfo::default()
    };
    let error = match servers.answer(resolver, nats, server).await {
        Ok(()) => anyhow::anyhow!("the connection to the servers was closed for good"),
        Err(error) => error.into(),
    };
    Failure::new(ExitCode::Unreachable, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_the_form_that_browsers_send() {
        for text in [
            "https://tools.example.com",
            "http://127.0.0.1:8080",
            "http://[::1]:80",
        ] {
            assert_eq!(origin(text).unwrap(), text);
        }
        for text in [
            "",
            "*",
            "tools.example.com",
            "https://",
            "https://a/",
            "https://a@b",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
