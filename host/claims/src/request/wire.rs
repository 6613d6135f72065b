//! The claims of a request in the form that servers write.
//!
//! Every field is optional. A missing field and a `null` are absent.

use portcullis_core::{
    AuthorizationRequest, Client, ClientKind, ClientTls, Credentials, Identity, PresentedNkey,
    Secret, Server, Transport,
};
use serde::{Deserialize, Deserializer};

use crate::jwt::{Body, VERSION};
use crate::keys::{KeyKind, PublicKey};

/// Text that later servers show in place of a token.
const REDACTED: &str = "[REDACTED]";

/// Transport whose clients have a single secret.
const MQTT: &str = "mqtt";

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RequestBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    version: Option<i64>,
    user_nkey: Option<String>,
    server_id: Option<ServerId>,
    client_info: Option<ClientInformation>,
    connect_opts: Option<ConnectOptions>,
    client_tls: Option<TlsInformation>,
    request_nonce: Option<String>,
    tags: Option<Vec<Option<String>>>,
}

/// The fields that the domain request does not have.
pub(super) struct Remainder {
    pub(super) server_xkey: Option<String>,
    pub(super) request_nonce: Option<String>,
    pub(super) tags: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServerId {
    name: Option<String>,
    host: Option<String>,
    id: Option<String>,
    version: Option<String>,
    cluster: Option<String>,
    tags: Option<Vec<Option<String>>>,
    xkey: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClientInformation {
    host: Option<String>,
    id: Option<u64>,
    user: Option<String>,
    name: Option<String>,
    tags: Option<Vec<Option<String>>>,
    kind: Option<String>,
    #[serde(rename = "type")]
    transport: Option<String>,
    mqtt_id: Option<String>,
    name_tag: Option<String>,
    nonce: Option<String>,
}

/// The TLS connection. Certificates are in one of the two lists: in `certs` if the server did not
/// verify them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TlsInformation {
    version: Option<String>,
    cipher: Option<String>,
    certs: Option<Vec<Option<String>>>,
    verified_chains: Option<Vec<Option<Vec<Option<String>>>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConnectOptions {
    #[serde(deserialize_with = "secret")]
    jwt: Option<Secret>,
    nkey: Option<String>,
    #[serde(deserialize_with = "secret")]
    sig: Option<Secret>,
    #[serde(deserialize_with = "secret")]
    auth_token: Option<Secret>,
    user: Option<String>,
    #[serde(deserialize_with = "secret")]
    pass: Option<Secret>,
    name: Option<String>,
    lang: Option<String>,
    version: Option<String>,
}

impl Body for RequestBody {
    const KIND: &'static str = "authorization_request";
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Server];

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn version(&self) -> Option<i64> {
        self.version
    }
}

impl RequestBody {
    pub(super) fn is_current(&self) -> bool {
        self.version == Some(VERSION)
    }

    pub(super) fn server_id(&self) -> Option<&str> {
        self.server_id.as_ref()?.id.as_deref()
    }

    pub(super) fn user_nkey(&self) -> &str {
        self.user_nkey.as_deref().unwrap_or_default()
    }

    pub(super) fn into_request(
        self,
        user_nkey: PublicKey,
        server_id: PublicKey,
        received_at: u64,
    ) -> (AuthorizationRequest, Remainder) {
        let mut server = self.server_id.unwrap_or_default();
        let information = self.client_info.unwrap_or_default();
        let mut options = self.connect_opts.unwrap_or_default();
        let remainder = Remainder {
            server_xkey: present(server.xkey.take()),
            request_nonce: present(self.request_nonce),
            tags: texts(self.tags),
        };
        if information.transport.as_deref() == Some(MQTT) {
            options.drop_repetitions();
        }
        let request = AuthorizationRequest {
            user_nkey,
            server: server.into_server(server_id),
            client: Client {
                tls: self.client_tls.map(TlsInformation::into_tls),
                ..information.into_client(&options)
            },
            credentials: options.into_credentials(),
            identity: Identity::default(),
            received_at,
        };
        (request, remainder)
    }
}

impl ServerId {
    fn into_server(self, id: PublicKey) -> Server {
        Server {
            id,
            name: self.name.unwrap_or_default(),
            host: self.host.unwrap_or_default(),
            version: present(self.version),
            cluster: present(self.cluster),
            tags: texts(self.tags),
        }
    }
}

impl ClientInformation {
    fn into_client(self, options: &ConnectOptions) -> Client {
        let user = present(self.user).map(|user| {
            if options.is_secret(&user) {
                REDACTED.to_owned()
            } else {
                user
            }
        });
        Client {
            host: present(self.host),
            id: self.id.unwrap_or_default(),
            user,
            name: present(self.name).or_else(|| present(options.name.clone())),
            kind: present(self.kind).map(ClientKind::from),
            transport: present(self.transport).map(Transport::from),
            mqtt_id: present(self.mqtt_id),
            lang: present(options.lang.clone()),
            version: present(options.version.clone()),
            tags: texts(self.tags),
            name_tag: present(self.name_tag),
            nonce: present(self.nonce),
            tls: None,
            wanted_account: None,
        }
    }
}

impl TlsInformation {
    fn into_tls(self) -> ClientTls {
        let filled = |chain| Some(texts(chain)).filter(|chain| !chain.is_empty());
        let verified = self.verified_chains.unwrap_or_default().into_iter();
        let mut chains: Vec<_> = verified.filter_map(filled).collect();
        let verified = !chains.is_empty();
        if !verified {
            chains.extend(filled(self.certs));
        }
        ClientTls {
            version: self.version.unwrap_or_default(),
            cipher: self.cipher.unwrap_or_default(),
            verified,
            chains,
        }
    }
}

impl ConnectOptions {
    /// Returns whether `text` is one of the client's secrets. Servers before 2.11.7 show a bare
    /// token as the user.
    fn is_secret(&self, text: &str) -> bool {
        [&self.auth_token, &self.pass, &self.jwt]
            .into_iter()
            .flatten()
            .any(|secret| secret.expose() == text)
    }

    /// Removes copies of an MQTT client's password, so that the credentials are what the client
    /// meant.
    ///
    /// MQTT has a user name and a password. Servers put the password into `pass` and `auth_token`.
    /// Servers also put it into `jwt`: any password before 2.12.7, since then only a user JWT. The
    /// result is a user JWT if the password has the form of one. Otherwise, it is a password if
    /// there is a user name, and else a token.
    fn drop_repetitions(&mut self) {
        let repeats = |other: &Option<Secret>| match (other, &self.pass) {
            (Some(other), Some(password)) => other.expose() == password.expose(),
            _ => false,
        };
        let jwt_repeats = repeats(&self.jwt) && !self.pass.as_ref().is_some_and(has_form_of_jwt);
        let token_repeats = repeats(&self.auth_token) && present_text(self.user.as_deref());
        if jwt_repeats {
            self.jwt = None;
        }
        if token_repeats {
            self.auth_token = None;
        }
    }

    fn into_credentials(self) -> Credentials {
        Credentials {
            username: present(self.user),
            password: self.pass,
            token: self.auth_token,
            jwt: self.jwt,
            nkey: present(self.nkey).map(PresentedNkey::from),
            signature: self.sig,
        }
    }
}

fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn present_text(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// Returns a list as Go reads it, without empty entries.
fn texts(list: Option<Vec<Option<String>>>) -> Vec<String> {
    let entries = list.unwrap_or_default().into_iter();
    entries.filter_map(present).collect()
}

fn has_form_of_jwt(secret: &Secret) -> bool {
    let text = secret.expose();
    text.starts_with("eyJ") && text.split('.').count() == 3
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(present(text).map(Secret::new))
}
