//! Networks that a login may come from.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use crate::Client;
use crate::text::{serde_as_text, shown};

/// A network that logins may come from, in CIDR notation (`src` of a user JWT).
///
/// Servers before 2.14.10 and 2.15.3 check only the form of `src` for logins through auth callout,
/// so the host compares. IPv4 written as IPv6 (`::ffff:10.0.0.7`) counts as IPv4, in networks and
/// in addresses.
///
/// ```
/// use portcullis_core::SourceNetwork;
///
/// let network: SourceNetwork = "10.0.0.0/8".parse()?;
/// assert!(network.contains("::ffff:10.1.2.3".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceNetwork(IpNet);

/// A text that is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid network `{text}`: expected an address and the length of its prefix, as `10.0.0.0/8`, `10.0.0.7/32` or `fd00::/8`"
)]
pub struct InvalidSourceNetwork {
    text: String,
}

impl SourceNetwork {
    /// Number of bits in front of an IPv4 address that is written as IPv6.
    const MAPPED: u8 = 96;

    /// Returns whether `address` is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Returns `network` as IPv4 if it is a network of IPv4 addresses written as IPv6. `None` if
    /// its prefix is shorter than that form's 96 bits.
    fn canonical(network: IpNet) -> Option<IpNet> {
        let IpNet::V6(wide) = network else {
            return Some(network);
        };
        let Some(address) = wide.addr().to_ipv4_mapped() else {
            return Some(network);
        };
        let length = wide.prefix_len().checked_sub(Self::MAPPED)?;
        Ipv4Net::new(address, length).ok().map(IpNet::V4)
    }
}

impl FromStr for SourceNetwork {
    type Err = InvalidSourceNetwork;

    /// Parses a network and clears the bits after its prefix, as servers do.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parsed(text)
            .and_then(Self::canonical)
            .map(|network| Self(network.trunc()))
            .ok_or_else(|| InvalidSourceNetwork { text: shown(text) })
    }
}

/// Parses an address and the length of its prefix. The standard library's rules for addresses are
/// those of servers: `010.0.0.0` is invalid.
fn parsed(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    let digits = length.bytes().all(|byte| byte.is_ascii_digit());
    let length = digits.then(|| length.parse().ok())??;
    IpNet::new(address.parse().ok()?, length).ok()
}

impl fmt::Display for SourceNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

serde_as_text!(SourceNetwork);

impl Client {
    /// Returns the client's address without the zone of IPv6. `None` if the server sent none, as
    /// for connections inside its own process.
    pub fn address(&self) -> Option<IpAddr> {
        let host = self.host.as_deref()?;
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(address);
        }
        let (address, _zone) = host.split_once('%')?;
        address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, host: &str) -> bool {
        let client = Client {
            host: Some(host.to_owned()),
            ..Client::default()
        };
        let network: SourceNetwork = network.parse().unwrap();
        client
            .address()
            .is_some_and(|address| network.contains(address))
    }

    #[test]
    fn addresses_are_found_in_their_networks_only() {
        for (network, host, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.7/32", "10.0.0.7", true),
            ("10.0.0.7/8", "10.9.9.9", true),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "fd00::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fe80::/10", "fe80::1%eth0", true),
            ("::/0", "fd00::1", true),
            // IPv4 written as IPv6, on either side.
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "::ffff:11.0.0.1", false),
            ("::/0", "::ffff:10.0.0.1", false),
        ] {
            assert_eq!(contains(network, host), inside, "{network} {host}");
        }
    }

    #[test]
    fn a_host_that_is_no_address_is_in_no_network() {
        for host in ["", "localhost", "10.0.0.1%eth0", "10.0.0.1:4222", "pipe"] {
            assert!(!contains("0.0.0.0/0", host), "{host}");
            assert!(!contains("::/0", host), "{host}");
        }
    }

    #[test]
    fn texts_that_servers_refuse_are_refused() {
        for text in [
            "",
            "10.0.0.1",
            "10.0.0.0/33",
            "10.0.0/8",
            "fd00::/129",
            "::ffff:10.0.0.0/8",
            "10.0.0.0/8,11.0.0.0/8",
            "example.com/8",
            "010.0.0.0/8",
            "10.0.0.0/+8",
            "fe80::1%eth0/10",
        ] {
            assert!(text.parse::<SourceNetwork>().is_err(), "{text}");
        }
    }

    #[test]
    fn networks_read_what_they_write() {
        for text in ["10.0.0.0/8", "fd00::/8", "0.0.0.0/0"] {
            let network: SourceNetwork = text.parse().unwrap();
            assert_eq!(network.to_string(), text);
        }
    }
}
