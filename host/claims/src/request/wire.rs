//! The claims of a request as servers write them.
//!
//! Everything is optional: what a server leaves out, and what it sets to `null`, is absent.

use portcullis_core::{AuthorizationRequest, Client, ClientTls, Credentials, Secret, Server};
use serde::{Deserialize, Deserializer};

use crate::jwt::{Body, VERSION};
use crate::keys::KeyKind;

/// What later servers show in place of a token.
const REDACTED: &str = "[REDACTED]";

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
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServerId {
    name: Option<String>,
    host: Option<String>,
    id: Option<String>,
    version: Option<String>,
    cluster: Option<String>,
    tags: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClientInformation {
    host: Option<String>,
    id: Option<u64>,
    user: Option<String>,
    name: Option<String>,
    tags: Option<Vec<String>>,
    kind: Option<String>,
    #[serde(rename = "type")]
    transport: Option<String>,
    mqtt_id: Option<String>,
    name_tag: Option<String>,
    nonce: Option<String>,
}

/// Certificates are in one of the two lists: in `certs` when the server did not verify them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TlsInformation {
    version: Option<String>,
    cipher: Option<String>,
    certs: Option<Vec<String>>,
    verified_chains: Option<Vec<Vec<String>>>,
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
    const ISSUER: KeyKind = KeyKind::Server;

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

    pub(super) fn into_request(self, received_at: u64) -> AuthorizationRequest {
        let server = self.server_id.unwrap_or_default();
        let information = self.client_info.unwrap_or_default();
        let options = self.connect_opts.unwrap_or_default();
        AuthorizationRequest {
            user_nkey: self.user_nkey.unwrap_or_default(),
            server: server.into_server(),
            client: Client {
                tls: self.client_tls.map(TlsInformation::into_tls),
                ..information.into_client(&options)
            },
            credentials: options.into_credentials(),
            received_at,
        }
    }
}

impl ServerId {
    fn into_server(self) -> Server {
        Server {
            id: self.id.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            host: self.host.unwrap_or_default(),
            version: present(self.version),
            cluster: present(self.cluster),
            tags: self.tags.unwrap_or_default(),
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
            kind: present(self.kind),
            transport: present(self.transport),
            mqtt_id: present(self.mqtt_id),
            lang: present(options.lang.clone()),
            version: present(options.version.clone()),
            tags: self.tags.unwrap_or_default(),
            name_tag: present(self.name_tag),
            nonce: present(self.nonce),
            tls: None,
        }
    }
}

impl TlsInformation {
    fn into_tls(self) -> ClientTls {
        let some = |chain: &Vec<String>| !chain.is_empty();
        let mut chains = self.verified_chains.unwrap_or_default();
        chains.retain(some);
        let verified = !chains.is_empty();
        if !verified {
            chains.extend(self.certs.filter(some));
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
    /// Servers before 2.11.7 show a bare token as the user.
    fn is_secret(&self, text: &str) -> bool {
        [&self.auth_token, &self.pass, &self.jwt]
            .into_iter()
            .flatten()
            .any(|secret| secret.expose() == text)
    }

    fn into_credentials(self) -> Credentials {
        Credentials {
            username: present(self.user),
            password: self.pass,
            token: self.auth_token,
            jwt: self.jwt,
            nkey: present(self.nkey),
            signature: self.sig,
        }
    }
}

fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(present(text).map(Secret::new))
}
