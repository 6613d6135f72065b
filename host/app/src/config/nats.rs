//! `[nats]`: how the service reaches the servers.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::reader::Section;
use super::secrets::{SecretKind, SecretSource};
use super::values::{Kind, TEXT};
use portcullis_claims::KeyKind;

/// The table `[nats]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nats {
    /// Where the servers are; at least one.
    pub servers: Vec<ServerAddress>,
    /// The name of the connection, as servers show it.
    pub name: String,
    /// How the service proves to the servers who it is.
    pub authentication: Authentication,
}

/// The address of a server: `nats://host:port`, `tls://host:port`, the port optional. It has no user and
/// no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress(String);

/// Text that is not the address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidServerAddress {
    /// Not a URL, or a URL with more than scheme, host and port.
    #[error("expected a server address such as `nats://127.0.0.1:4222`")]
    Malformed,
    /// Some other scheme.
    #[error("expected a server address that starts with `nats://` or `tls://`")]
    Scheme,
    /// User or password in the address.
    #[error("no credentials in a server address: use `user` with `password-file`, or `token-file`")]
    Credentials,
}

/// How the service proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// Not at all.
    Anonymous,
    /// By signing a nonce with a user seed (`SU…`).
    Nkey(SecretSource),
    /// With a credentials file: a user JWT and its seed.
    Credentials(SecretSource),
    /// With a user name and a password.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: SecretSource,
    },
    /// With a token.
    Token(SecretSource),
}

const SERVER: Kind<ServerAddress> = Kind {
    expected: "a server address such as `nats://127.0.0.1:4222`",
    parse: |text| {
        text.parse()
            .map_err(|error: InvalidServerAddress| error.to_string())
    },
};

impl Nats {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let servers = read_servers(&mut section);
        let name = section.value("name", &TEXT, "portcullis".to_owned());
        let authentication = read_authentication(&mut section);
        section.finish();
        Some(Self {
            servers: servers?,
            name: name?,
            authentication: authentication?,
        })
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

fn read_authentication(section: &mut Section<'_>) -> Option<Authentication> {
    let nkey = section.secret("nkey-seed-file", "nkey-seed-env");
    let credentials = section
        .path("creds-file")
        .map(|path| SecretSource::file("nats", "creds-file", path));
    let user = section.setting("user");
    let password = section.secret("password-file", "password-env");
    let token = section.secret("token-file", "token-env");
    for (source, kind) in [
        (&nkey, SecretKind::Seed(KeyKind::User)),
        (&credentials, SecretKind::Credentials),
        (&password, SecretKind::Text),
        (&token, SecretKind::Text),
    ] {
        if let Some(source) = source {
            section.names_secret(source, kind);
        }
    }
    let ways: Vec<&str> = WAYS
        .iter()
        .filter_map(|keys| keys.iter().find(|key| section.has(key)).copied())
        .collect();
    match ways.as_slice() {
        [] => {
            section.warn(
                "no way to authenticate is set, so servers will ask the callout about the callout; \
                 set `nkey-seed-file`",
            );
            Some(Authentication::Anonymous)
        }
        ["nkey-seed-file" | "nkey-seed-env"] => nkey.map(Authentication::Nkey),
        ["creds-file"] => credentials.map(Authentication::Credentials),
        ["token-file" | "token-env"] => token.map(Authentication::Token),
        ["user"] if !section.has("password-file") && !section.has("password-env") => {
            section.report_missing("user", "needs `password-file` or `password-env` beside it");
            None
        }
        ["user"] => Some(Authentication::Password {
            user: user?.parse(&TEXT)?,
            password: password?,
        }),
        [key] => {
            section.report_missing(key, "needs `user` beside it");
            None
        }
        several => {
            section.report(format!(
                "more than one way to authenticate: `{}`; keep one",
                several.join("`, `")
            ));
            None
        }
    }
}

/// The keys of each way to authenticate, the telling one first.
const WAYS: [&[&str]; 4] = [
    &["nkey-seed-file", "nkey-seed-env"],
    &["creds-file"],
    &["user", "password-file", "password-env"],
    &["token-file", "token-env"],
];

impl ServerAddress {
    /// The address as text, scheme included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A server on this machine, at the usual port.
impl Default for ServerAddress {
    fn default() -> Self {
        Self("nats://127.0.0.1:4222".to_owned())
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for ServerAddress {
    type Err = InvalidServerAddress;

    /// Reads a URL, or `host:port`, which means `nats://host:port`. The errors do not repeat the text:
    /// it may hold a password.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('@') {
            return Err(InvalidServerAddress::Credentials);
        }
        let address = if text.contains("://") {
            text.to_owned()
        } else {
            format!("nats://{text}")
        };
        let url = Url::parse(&address).map_err(|_| InvalidServerAddress::Malformed)?;
        if !matches!(url.scheme(), "nats" | "tls") {
            return Err(InvalidServerAddress::Scheme);
        }
        let plain = url.query().is_none() && url.fragment().is_none();
        let named = url.host_str().is_some_and(|host| !host.is_empty());
        if !plain || !named || !matches!(url.path(), "" | "/") {
            return Err(InvalidServerAddress::Malformed);
        }
        Ok(Self(address))
    }
}
