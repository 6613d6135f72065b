//! Denies with the facts about client, server and request, and with its settings. `tells_identity`
//! tells the rest: one reason would be too long for all facts.

use portcullis_sdk::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    greeting: String,
}

struct Guest(Settings);

impl Policy for Guest {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self(settings))
    }

    fn decide(&self, request: &Request) -> Verdict {
        let (client, server) = (request.client(), request.server());
        let certificate = request.certificate();
        let facts = [
            format!("greeting={}", self.0.greeting),
            format!("client.host={:?}", client.host()),
            format!("client.id={}", client.id()),
            format!("client.user={:?}", client.user()),
            format!("client.name={:?}", client.name()),
            format!(
                "client.kind={:?}",
                client.kind().map(|kind| kind.to_string())
            ),
            format!(
                "client.transport={:?}",
                client.transport().map(|name| name.to_string())
            ),
            format!("client.mqtt_id={:?}", client.mqtt_id()),
            format!("client.lang={:?}", client.lang()),
            format!("client.version={:?}", client.version()),
            format!("client.tags={:?}", client.tags()),
            format!("client.name_tag={:?}", client.name_tag()),
            format!(
                "client.connection_type={:?}",
                client.connection_type().map(|name| name.to_string())
            ),
            format!("client.tls_version={:?}", client.tls_version()),
            format!("client.tls_cipher={:?}", client.tls_cipher()),
            format!("certificate.verified={}", certificate.verified()),
            format!("certificate.subject={:?}", certificate.subject()),
            format!("server.id={}", server.id()),
            format!("server.name={}", server.name()),
            format!("server.host={}", server.host()),
            format!("server.version={:?}", server.version()),
            format!("server.cluster={:?}", server.cluster()),
            format!("server.tags={:?}", server.tags()),
            format!("now={}", request.now()),
            format!("user_nkey={}", request.user_nkey()),
            format!("username={:?}", request.username()),
            format!("method={:?}", request.method()),
            format!("nkey={:?}", request.nkey()),
            format!("role={:?}", request.role()),
            format!("password={:?}", request.password_matches("plain:secret")),
            format!("token={:?}", request.token_matches("plain:secret")),
            format!(
                "bad_hash={:?}",
                request.password_matches("nonsense").map_err(drop)
            ),
            format!(
                "token_hash_for_password={:?}",
                request
                    .password_matches(&format!("sha256:{}", "0".repeat(64)))
                    .map_err(drop)
            ),
        ];
        Verdict::deny(facts.join("; "))
    }
}

export!(Guest);
