//! Addresses as errors, logs and `Debug` show them: without the parts that can hold a secret.

use async_nats::ServerAddr;
use url::Url;

/// Returns the address of a service without user, password and query.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both calls fail only for an address that has no host, and so no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Returns the address of a service, as its user wrote it, without user, password and query.
pub(crate) fn shown_text(text: &str) -> String {
    Url::parse(text).map_or_else(|_| "not a url".to_owned(), |url| shown(&url))
}

/// Returns host and port of a server.
pub(crate) fn address(server: &ServerAddr) -> String {
    let (host, port) = (server.host(), server.port());
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Returns host and port of a server, as its user wrote it.
pub(crate) fn address_of_text(text: &str) -> String {
    let server = text.parse::<ServerAddr>();
    server.map_or_else(|_| "not an address".to_owned(), |server| address(&server))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_an_address_are_not_shown() {
        for (text, expected) in [
            (
                "https://me:hunter2@idp.example/token?key=hunter2#hunter2",
                "https://idp.example/token",
            ),
            ("hunter2", "not a url"),
        ] {
            assert_eq!(shown_text(text), expected);
        }
        for (text, expected) in [
            ("nats://me:hunter2@example.com", "example.com:4222"),
            ("tls://[::1]:4333", "[::1]:4333"),
            ("http://hunter2", "not an address"),
        ] {
            assert_eq!(address_of_text(text), expected);
        }
    }
}
