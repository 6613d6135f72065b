//! One configured server: its first message, and the login of the host's own user.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_callout::inspect_own_user;
use portcullis_config::{Config, Nats, ServerAddress};
use portcullis_connect::{
    AdditionalOptions, ConnectError, Connection, ConnectionOptions, ConnectionTrouble, Retries,
    connect,
};
use portcullis_core::with_causes;
use portcullis_environment::{Clock as _, SystemClock};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::address::host_and_port;
use super::certificates;
use crate::doctor::evidence::{Greeting, Login, Server, ServerInfo};

/// Name of the connections, as servers show it.
pub(super) const NAME: &str = "portcullis-doctor";

/// Time to wait for the first message of a server. A server that waits for the TLS handshake sends
/// none.
const GREETING_LIMIT: Duration = Duration::from_secs(2);

/// Maximum size of a server's first message, in bytes.
const MAX_GREETING: u64 = 64 << 10;

/// Returns the options of a connection of this command: those of `nats`, without retries.
pub(super) fn options(nats: &Nats) -> ConnectionOptions {
    ConnectionOptions {
        name: NAME.to_owned(),
        retries: Retries::Times(0),
        ..ConnectionOptions::from(nats)
    }
}

/// Looks at the server at `address`, and logs in with the host's own user. No probe login is made
/// yet.
pub(super) async fn examine(
    config: &Config,
    address: &ServerAddress,
) -> (Server, Option<Connection>) {
    let greeting = greet(address, config.nats.connect_timeout).await;
    let (login, connection) = match &greeting {
        Greeting::Failed(error) => (Login::Failed(error.clone()), None),
        Greeting::Info(_) | Greeting::TlsFirst | Greeting::Silent => {
            log_in(config, address, &greeting).await
        }
    };
    let user = match &connection {
        None => None,
        Some(connection) => {
            let group = portcullis::queue_group(config);
            let discoverable = config.callout.discoverable;
            let further = portcullis::further_permissions(config);
            Some(inspect_own_user(connection.client(), &group, discoverable, &further).await)
        }
    };
    let server = Server {
        address: address.to_string(),
        resolved: resolve(address, config.nats.connect_timeout).await,
        greeting,
        login,
        user,
        probe: Err("no probe login was made".to_owned()),
        bypass: None,
    };
    (server, connection)
}

/// Returns the addresses that the name of the server leads to, in words. `None` for an address
/// without a name, and for a name that leads nowhere.
async fn resolve(address: &ServerAddress, limit: Duration) -> Option<String> {
    let (host, port) = host_and_port(address)?;
    if host.parse::<IpAddr>().is_ok() {
        return None;
    }
    let found = timeout(limit, lookup_host((host.as_str(), port))).await;
    let found = found.ok()?.ok()?;
    let addresses: Vec<_> = found.map(|it| format!("`{}`", it.ip())).collect();
    Some(format!("`{host}` resolves to {}", addresses.join(", ")))
}

/// Reads the first message of the server, which comes before any login.
async fn greet(address: &ServerAddress, limit: Duration) -> Greeting {
    let Some((host, port)) = host_and_port(address) else {
        return Greeting::Failed("the address has no host".to_owned());
    };
    let connected = match timeout(limit, TcpStream::connect((host.as_str(), port))).await {
        Err(_) => return Greeting::Failed(format!("no answer within {limit:?}")),
        Ok(Err(error)) => return Greeting::Failed(error.to_string()),
        Ok(Ok(stream)) => stream,
    };
    let mut line = String::new();
    let mut reader = BufReader::new(connected.take(MAX_GREETING));
    match timeout(GREETING_LIMIT, reader.read_line(&mut line)).await {
        Err(_) if certificates::is_shown_first(address, GREETING_LIMIT).await => Greeting::TlsFirst,
        Err(_) => Greeting::Silent,
        Ok(Err(error)) => Greeting::Failed(error.to_string()),
        Ok(Ok(_)) => {
            let info = line.strip_prefix("INFO ").and_then(parse_info);
            let other = || Greeting::Failed("it is not a NATS server".to_owned());
            info.map_or_else(other, Greeting::Info)
        }
    }
}

fn parse_info(text: &str) -> Option<ServerInfo> {
    serde_json::from_str(text).ok()
}

async fn log_in(
    config: &Config,
    address: &ServerAddress,
    greeting: &Greeting,
) -> (Login, Option<Connection>) {
    let options = ConnectionOptions {
        servers: vec![address.to_string()],
        // Another server of the cluster would answer for this one.
        additional: AdditionalOptions::given_servers_only(),
        ..options(&config.nats)
    };
    let start = SystemClock.now();
    match connect(&options).await {
        Ok(connection) => (Login::Accepted, Some(connection)),
        Err(ConnectError::MaxRetries {
            source: ConnectionTrouble::Refused { .. },
            ..
        }) => {
            let after = SystemClock.elapsed(start);
            (Login::Refused { after }, None)
        }
        Err(ConnectError::MaxRetries { source, .. })
            if is_plain(config, greeting) && is_closed(&source) =>
        {
            let after = SystemClock.elapsed(start);
            (Login::Refused { after }, None)
        }
        Err(ConnectError::MaxRetries { source, .. }) => (Login::Failed(with_causes(&source)), None),
        Err(error) => (Login::Failed(with_causes(&error)), None),
    }
}

/// Returns whether the session is one without TLS, in which nothing but the login can fail.
fn is_plain(config: &Config, greeting: &Greeting) -> bool {
    let tls = &config.nats.tls;
    let is_offered = !matches!(greeting, Greeting::Info(info) if !info.tls_required);
    !is_offered && !tls.required && !tls.first
}

/// Returns whether the server has closed the connection without an answer. In operator mode,
/// nats-server 2.10 refuses a login that a callout did not answer in this way.
fn is_closed(trouble: &ConnectionTrouble) -> bool {
    let words = "broken pipe";
    matches!(trouble, ConnectionTrouble::Unreachable { error, .. } if error.contains(words))
}
