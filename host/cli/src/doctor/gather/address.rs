//! Addresses of servers.

use portcullis_config::ServerAddress;
use url::Url;

/// Port of an address that names none.
const PORT: u16 = 4222;

/// Returns host and port of an address. A numeric IPv6 host has no brackets.
pub(super) fn host_and_port(address: &ServerAddress) -> Option<(String, u16)> {
    let url = Url::parse(address.as_str()).ok()?;
    let host = url
        .host_str()?
        .trim_start_matches('[')
        .trim_end_matches(']');
    Some((host.to_owned(), url.port().unwrap_or(PORT)))
}
