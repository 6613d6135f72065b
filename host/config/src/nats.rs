//! Table `[nats]`: connections to the servers.

mod address;
mod authentication;
mod tls;

use std::num::NonZeroUsize;
use std::time::Duration;

use portcullis_connect::{
    Authentication, ConnectionOptions, InboxPrefix, Retries, SecretSource, TlsOptions,
};
use portcullis_toml::kinds::{DURATION, SOME_TIME, TEXT};
use portcullis_toml::{InvalidValue, Keyed, Kind, Read, Section, Setting};

pub use self::address::{InvalidServerAddress, ServerAddress};
pub(crate) use self::authentication::secrets as authentication_secrets;
pub(crate) use self::tls::{check as check_tls, read_certificate};
use crate::sources::NamedSecrets;

/// The table `[nats]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nats {
    /// Addresses of the servers, at least one.
    pub servers: Vec<ServerAddress>,
    /// Name of the connection, as servers show it. With several connections, a number follows it.
    /// Default: `portcullis`.
    pub name: String,
    /// Credentials of the service. Secrets are read again for every connection.
    pub authentication: Authentication<Keyed<SecretSource>>,
    /// Number of connections on which requests arrive. Default: 2.
    pub connections: NonZeroUsize,
    /// Time limit of one attempt at one address. Default: 10 s.
    pub connect_timeout: Duration,
    /// Delay after attempts at all known servers have failed. Default: 250 ms.
    pub reconnect_wait: Duration,
    /// Maximum random addition to that delay. Default: 250 ms.
    pub reconnect_jitter: Duration,
    /// Silence of a server after which the connection asks whether it is there. Default: 5 s.
    pub ping_interval: Duration,
    /// Number of retries of the first connection. Default: for ever.
    pub connect_retries: Retries,
    /// Delay between attempts at the first connection. Default: 1 s.
    pub retry_delay: Duration,
    /// Maximum time without any connection before the service ends. `None`, the default, sets no
    /// limit.
    pub max_disconnected: Option<Duration>,
    /// Prefix of the subjects of the service's inboxes. With `None`, the service chooses one
    /// itself.
    pub inbox_prefix: Option<InboxPrefix>,
    /// TLS options of the connections.
    pub tls: TlsOptions,
}

/// Maximum number of connections. More would only cost memory.
const MAX_CONNECTIONS: usize = 64;

const SERVER: Kind<ServerAddress> = Kind {
    expected: "a server address such as `nats://127.0.0.1:4222`",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

const INBOX_PREFIX: Kind<InboxPrefix> = Kind {
    expected: "a subject prefix such as `_INBOX_k3JQ`",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

/// Default number of connections. With two, a third more logins can arrive at the same instant than
/// with one, at no extra cost.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

impl Nats {
    /// Reads a table of this kind. `name` is the default name of the connection.
    pub(crate) fn read(
        mut section: Section<'_>,
        name: &str,
        secrets: &NamedSecrets,
    ) -> Option<Self> {
        let servers = read_servers(&mut section);
        let defaults = ConnectionOptions::new(name, Vec::new());
        let name = section.value("name", &TEXT, defaults.name);
        let authentication = authentication::read(&mut section, secrets);
        let connections = match section.setting("connections") {
            None => Some(CONNECTIONS),
            Some(setting) => setting.count(MAX_CONNECTIONS).and_then(NonZeroUsize::new),
        };
        let connect_timeout =
            section.value("connect-timeout", &SOME_TIME, defaults.connect_timeout);
        let reconnect_wait = section.value("reconnect-wait", &SOME_TIME, defaults.reconnect_wait);
        let reconnect_jitter =
            section.value("reconnect-jitter", &DURATION, defaults.reconnect_jitter);
        let ping_interval = section.value("ping-interval", &SOME_TIME, defaults.ping_interval);
        let connect_retries = match section.setting("connect-retries") {
            None => Some(defaults.retries),
            Some(setting) => read_retries(setting),
        };
        let retry_delay = section.value("retry-delay", &DURATION, defaults.retry_delay);
        let max_disconnected = match section.setting("max-disconnected") {
            None => Some(None),
            Some(setting) => setting.parse(&SOME_TIME).map(Some),
        };
        let inbox_prefix = match section.setting("inbox-prefix") {
            None => Some(defaults.inbox_prefix),
            Some(setting) => setting.parse(&INBOX_PREFIX).map(Some),
        };
        let tls = tls::read(&mut section);
        section.finish();
        Some(Self {
            servers: servers?,
            name: name?,
            authentication: authentication?,
            connections: connections?,
            connect_timeout: connect_timeout?,
            reconnect_wait: reconnect_wait?,
            reconnect_jitter: reconnect_jitter?,
            ping_interval: ping_interval?,
            connect_retries: connect_retries?,
            retry_delay: retry_delay?,
            max_disconnected: max_disconnected?,
            inbox_prefix: inbox_prefix?,
            tls: tls?,
        })
    }

    /// Reads a table for connections to another account, which has every key except the one that
    /// ends the service. `why` says why not. The inner `None` means that the table is absent, which
    /// is no problem.
    pub(crate) fn read_other(
        mut section: Section<'_>,
        name: &str,
        why: &str,
        secrets: &NamedSecrets,
    ) -> Read<Option<Box<Self>>> {
        if !section.is_present() {
            return Some(None);
        }
        if let Some(setting) = section.refused("max-disconnected") {
            setting.report(format!("is for [nats] only: {why}"));
            return None;
        }
        Self::read(section, name, secrets).map(|nats| Some(Box::new(nats)))
    }
}

/// Converts the table to options of the connection library.
impl From<&Nats> for ConnectionOptions {
    fn from(nats: &Nats) -> Self {
        let servers = nats.servers.iter().map(ToString::to_string).collect();
        Self {
            authentication: nats.authentication.map(|source| source.value.clone()),
            connect_timeout: nats.connect_timeout,
            reconnect_wait: nats.reconnect_wait,
            reconnect_jitter: nats.reconnect_jitter,
            ping_interval: nats.ping_interval,
            retries: nats.connect_retries,
            retry_delay: nats.retry_delay,
            inbox_prefix: nats.inbox_prefix.clone(),
            tls: nats.tls.clone(),
            ..Self::new(nats.name.clone(), servers)
        }
    }
}

fn read_servers(section: &mut Section<'_>) -> Option<Vec<ServerAddress>> {
    let Some(setting) = section.setting("servers") else {
        return Some(vec![ServerAddress::default()]);
    };
    let servers = setting.list(&SERVER)?;
    if servers.is_empty() {
        setting.report("must name at least one server");
        return None;
    }
    Some(servers)
}

/// Reads a number of retries, where -1 means for ever.
fn read_retries(setting: Setting<'_>) -> Option<Retries> {
    let number = setting.number(-1, i64::from(u32::MAX))?;
    Some(u32::try_from(number).map_or(Retries::Forever, Retries::Times))
}
