//! Networks that a login may come from.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::shown;

/// A network that logins may come from, in CIDR notation (`src` of a user JWT).
///
/// Servers before 2.14.10 and 2.15.3 check only the form of `src` for logins through auth callout,
/// so the host compares. IPv4 written as IPv6 (`::ffff:10.0.0.7`) counts as IPv4, in networks and
/// in addresses.
///
/// ```
/// use portcullis_permit_rules::SourceNetwork;
///
/// let network: SourceNetwork = "10.0.0.0/8".parse()?;
/// assert!(network.contains("::ffff:10.1.2.3".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceNetwork {
    /// The first address of the network.
    first: IpAddr,
    /// Length of the prefix, in bits.
    prefix: u8,
}

/// A text that is not a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSourceNetwork {
    text: String,
}

impl fmt::Display for InvalidSourceNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "invalid network `{}`: expected an address and the length of its prefix, as `10.0.0.0/8`, \
             `10.0.0.7/32` or `fd00::/8`",
            self.text
        )
    }
}

impl Error for InvalidSourceNetwork {}

impl SourceNetwork {
    /// Number of bits in front of an IPv4 address that is written as IPv6.
    const MAPPED: u8 = 96;

    /// Returns whether `address` is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        first(address.to_canonical(), self.prefix) == self.first
    }

    /// Parses an address and the length of its prefix. The standard library's rules for addresses
    /// are those of servers: `010.0.0.0` is invalid. IPv4 written as IPv6 becomes IPv4; `None` if
    /// its prefix is shorter than that form's 96 bits.
    fn parsed(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let digits = length.bytes().all(|byte| byte.is_ascii_digit());
        let length: u8 = digits.then(|| length.parse().ok())??;
        let (address, prefix) = match address.parse().ok()? {
            IpAddr::V4(address) if length <= 32 => (address.into(), length),
            IpAddr::V6(address) if length <= 128 => match address.to_ipv4_mapped() {
                Some(address) => (address.into(), length.checked_sub(Self::MAPPED)?),
                None => (address.into(), length),
            },
            IpAddr::V4(_) | IpAddr::V6(_) => return None,
        };
        let first = first(address, prefix);
        Some(Self { first, prefix })
    }
}

/// Returns `address` without the bits after its prefix.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(prefix).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & !host).into()
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(prefix).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & !host).into()
        }
    }
}

impl FromStr for SourceNetwork {
    type Err = InvalidSourceNetwork;

    /// Parses a network and clears the bits after its prefix, as servers do.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parsed(text).ok_or_else(|| InvalidSourceNetwork { text: shown(text) })
    }
}

impl fmt::Display for SourceNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("fe80::/10", "fe80::1", true),
            ("fd00::7/128", "fd00::7", true),
            ("fd00::7/128", "fd00::8", false),
            ("fd00::/64", "fd00:0:0:1::", false),
            ("::/0", "fd00::1", true),
            // IPv4 written as IPv6, on either side.
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "::ffff:11.0.0.1", false),
            ("::/0", "::ffff:10.0.0.1", false),
        ] {
            let known: SourceNetwork = network.parse().unwrap();
            let found = known.contains(host.parse().unwrap());
            assert_eq!(found, inside, "{network} {host}");
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
