//! The connection to NATS, made and kept.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use portcullis_claims::UserKey;
use portcullis_core::Secret;

/// Where to connect, and as whom.
#[derive(Debug)]
pub struct ConnectionOptions {
    /// Server addresses, `nats://` or `tls://`.
    pub servers: Vec<String>,
    /// The connection's name, as `connz` shows it.
    pub name: String,
    /// How the host logs in: it has to be one of the server's `auth_users`.
    pub authentication: Authentication,
}

/// How the host logs in to NATS.
#[derive(Debug)]
#[non_exhaustive]
pub enum Authentication {
    /// Without credentials.
    None,
    /// With an nkey.
    Nkey(UserKey),
    /// With the content of a credentials file: a user JWT and its seed.
    Credentials(Secret),
    /// With user name and password.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// With a token.
    Token(Secret),
}

/// No connection can be made, now or later. A server that is not there is not an error: the host waits for it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The credentials are not a user JWT and a seed.
    #[error("cannot use the credentials")]
    Credentials(#[source] std::io::Error),
    /// The client gave up.
    #[error("cannot connect to `{servers}`")]
    Connect {
        /// The servers tried.
        servers: String,
        /// Why.
        source: async_nats::ConnectError,
    },
}

/// Connects, for as long as it takes: the host may start before its server, and outlives it.
///
/// # Errors
///
/// When the credentials are malformed, or an address is.
pub async fn connect(options: &ConnectionOptions) -> Result<Client, ConnectError> {
    let servers = options.servers.join(",");
    authenticated(&options.authentication)?
        .name(&options.name)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| {
            let servers = servers.clone();
            async move { log_event(&event, &servers) }
        })
        .connect(options.servers.as_slice())
        .await
        .map_err(|source| ConnectError::Connect {
            servers: options.servers.join(","),
            source,
        })
}

fn authenticated(authentication: &Authentication) -> Result<ConnectOptions, ConnectError> {
    let options = ConnectOptions::new();
    Ok(match authentication {
        Authentication::None => options,
        Authentication::Nkey(key) => options.nkey(key.seed().to_owned()),
        Authentication::Credentials(content) => options
            .credentials(content.expose())
            .map_err(ConnectError::Credentials)?,
        Authentication::Password { user, password } => {
            options.user_and_password(user.clone(), password.expose().to_owned())
        }
        Authentication::Token(token) => options.token(token.expose().to_owned()),
    })
}

/// At once, then ever later up to two seconds: a server that is back is in use again before its clients give up.
fn reconnect_delay(attempts: usize) -> Duration {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);
    match u32::try_from(attempts.saturating_sub(1)) {
        Ok(0) => Duration::ZERO,
        Ok(attempt) => FIRST.saturating_mul(1_u32 << attempt.min(6)).min(LONGEST),
        Err(_) => LONGEST,
    }
}

fn log_event(event: &Event, servers: &str) {
    match event {
        Event::Connected => tracing::info!(nats.servers = servers, "nats connected"),
        Event::Disconnected => tracing::warn!("nats disconnected"),
        Event::LameDuckMode => tracing::warn!("nats server enters lame duck mode"),
        Event::Draining => tracing::debug!("nats connection drains"),
        Event::Closed => tracing::info!("nats connection closed"),
        Event::SlowConsumer(_) => {
            tracing::error!("requests lost: they arrived faster than they were read");
        }
        Event::ServerError(error) => tracing::error!(error = %error, "nats server error"),
        Event::ClientError(error) => {
            tracing::warn!(error = %error, nats.servers = servers, "nats connection failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnects_at_once_then_ever_later() {
        let delays: Vec<_> = [1, 2, 3, 100, usize::MAX].map(reconnect_delay).into();
        assert_eq!(delays[0], Duration::ZERO);
        assert!(delays.is_sorted(), "{delays:?}");
        assert_eq!(delays[4], Duration::from_secs(2));
    }
}
