//! Operator claims.

use portcullis_claims::OperatorClaims;
use portcullis_core::KeyKind;

use super::url::Url;
use super::{Findings, Validate};

/// Protocols of the URLs at which tools reach the servers.
const PROTOCOLS: [&str; 4] = ["nats", "tls", "ws", "wss"];

impl Validate for OperatorClaims {
    fn validate(&self, now: u64) -> Findings {
        let mut findings = Findings::default();
        findings.times(self, now);
        let url = &self.nats.account_server_url;
        if !url.is_empty() && Url::parse(url).is_none_or(|url| url.scheme.is_empty()) {
            findings.error(format!(
                "the account server's URL `{url}` is not a URL with a protocol; write it as `https://HOST/jwt/v1`"
            ));
        }
        for url in &self.nats.operator_service_urls {
            findings.service_url(url);
        }
        for key in &self.nats.signing_keys {
            findings.key("signing key", key, KeyKind::Operator);
        }
        let system = &self.nats.system_account;
        if !system.is_empty() {
            findings.key("system account", system, KeyKind::Account);
        }
        let version = &self.nats.assert_server_version;
        if !version.is_empty() && !is_version(version) {
            findings.error(format!(
                "the oldest server version `{version}` is not three numbers, such as `2.11.2`"
            ));
        }
        findings
    }
}

impl Findings {
    fn service_url(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let flaw = match Url::parse(text) {
            None => "is not a URL",
            Some(Url { user: Some(_), .. }) => "has a user name",
            Some(Url { path, .. }) if !path.is_empty() => "has a path",
            Some(Url { scheme, .. })
                if !PROTOCOLS.contains(&scheme.to_ascii_lowercase().as_str()) =>
            {
                "has another protocol"
            }
            Some(_) => return,
        };
        self.error(format!(
            "the servers' URL `{text}` {flaw}; write it as `nats://HOST:PORT`, or with `tls`, `ws` or `wss`"
        ));
    }
}

/// Returns whether `text` is three numbers as Go's `Atoi` reads them.
fn is_version(text: &str) -> bool {
    let parts: Vec<Option<i64>> = text.split('.').map(|part| part.parse().ok()).collect();
    parts.len() == 3
        && parts
            .iter()
            .all(|part| part.is_some_and(|number| number >= 0))
}
