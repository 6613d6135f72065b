//! Flaws that a server's library finds in a user JWT itself, independent of the request.

use std::net::IpAddr;

use portcullis_core::{ConnectionType, SourceNetwork};

use super::claims::{Side as Subjects, UserFacts, texts};
use super::refusal::{Part, PermissionSide, Refusal};
use super::times;
use super::version::ServerVersion;
use crate::keys::{KeyKind, PublicKey};

/// Connection types that all servers know. Only later ones know `IN_PROCESS`.
const CONNECTION_TYPES: [&str; 6] = [
    "STANDARD",
    "WEBSOCKET",
    "LEAFNODE",
    "LEAFNODE_WS",
    "MQTT",
    "MQTT_WS",
];
const IN_PROCESS: &str = "IN_PROCESS";

/// Fails with the first flaw of form. A server refuses for any flaw, including mere warnings of the
/// library.
pub(super) fn check_form(user: &UserFacts) -> Result<(), Refusal> {
    let sides = [
        (PermissionSide::Subscribe, user.subscribe.as_ref()),
        (PermissionSide::Publish, user.publish.as_ref()),
    ];
    for (side, subjects) in sides {
        if !subjects.is_none_or(|subjects| all_are_subjects(side, subjects)) {
            return Err(Refusal::SubjectForm(side));
        }
    }
    if !user.sources.iter().flatten().all(|text| is_network(text)) {
        return Err(Refusal::Source);
    }
    let is_time =
        |time: &Option<String>| times::is_time_of_day(time.as_deref().unwrap_or_default());
    let mut ranges = user.times.iter().flatten();
    if !ranges.all(|range| is_time(&range.start) && is_time(&range.end)) {
        return Err(Refusal::Time);
    }
    if !user.times_location().is_none_or(times::is_time_zone) {
        return Err(Refusal::TimeZone);
    }
    match user.issuer_account() {
        Some(account) if !PublicKey::is_valid(account, KeyKind::Account) => {
            Err(Refusal::IssuerAccountKind(Part::User))
        }
        _ => Ok(()),
    }
}

/// Checks a list of connection types. An empty list allows any type. A list without any type that
/// the server knows is refused. Servers that enforce the list require that it has the type of the
/// connection.
pub(super) fn check_connection_types<'a>(
    names: impl Iterator<Item = &'a str>,
    connection: Option<ConnectionType>,
    version: ServerVersion,
) -> Result<(), Refusal> {
    let is_known = |name: &String| {
        CONNECTION_TYPES.contains(&name.as_str())
            || (name == IN_PROCESS && version.knows_in_process())
    };
    let names: Vec<_> = names.map(str::to_uppercase).collect();
    if names.is_empty() {
        return Ok(());
    }
    if !names.iter().any(is_known) {
        return Err(Refusal::ConnectionTypes);
    }
    let is_this = |connection: ConnectionType| {
        let found = [Some(connection), connection.over_websocket()];
        let mut found = found.into_iter().flatten();
        found.any(|found| names.iter().any(|name| name == found.as_str()))
    };
    if version.enforces_connection_types() && !connection.is_none_or(is_this) {
        return Err(Refusal::ConnectionTypeNotAllowed);
    }
    Ok(())
}

/// Checks that the client comes from one of `networks`, as servers that enforce `src` do.
pub(super) fn check_source(networks: &[String], host: Option<&str>) -> Result<(), Refusal> {
    if networks.is_empty() {
        return Ok(());
    }
    let address: Option<IpAddr> = host.and_then(|host| host.parse().ok());
    let contains = |address: IpAddr| {
        let network = |text: &String| text.parse::<SourceNetwork>();
        let mut networks = networks.iter().map_while(|text| network(text).ok());
        networks.any(|network| network.contains(address))
    };
    if address.is_some_and(contains) {
        Ok(())
    } else {
        Err(Refusal::SourceNotAllowed)
    }
}

fn all_are_subjects(side: PermissionSide, subjects: &Subjects) -> bool {
    texts(subjects.allow.as_ref())
        .chain(texts(subjects.deny.as_ref()))
        .all(|text| {
            let mut parts = text.split(' ');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(subject), None, None) => has_form(subject),
                (Some(subject), Some(queue), None) => {
                    side == PermissionSide::Subscribe && has_form(subject) && has_form(queue)
                }
                _ => false,
            }
        })
}

/// Returns whether `subject` passes the library's validation. It checks less than a subject needs:
/// a server that later finds another flaw drops the subject and continues.
fn has_form(subject: &str) -> bool {
    !subject.is_empty()
        && !subject.starts_with('.')
        && !subject.ends_with('.')
        && !subject.contains("..")
}

/// Returns whether `text` is an address, a slash and a prefix length, as Go's `net.ParseCIDR` reads
/// it.
pub fn is_network(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && bits.parse::<u32>().is_ok_and(|bits| bits <= most)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("10.0.0.0/8", true)]
    #[case("10.1.2.3/8", true)]
    #[case("0.0.0.0/0", true)]
    #[case("2001:db8::/32", true)]
    #[case("::ffff:10.0.0.1/96", true)]
    #[case("10.0.0.0/08", true)]
    #[case("10.0.0.0", false)]
    #[case("10.0.0.0/33", false)]
    #[case("10.0.0.0/-1", false)]
    #[case("10.0.0.0/+8", false)]
    #[case("10.0.0.0/", false)]
    #[case("010.0.0.0/8", false)]
    #[case("10.0.0/8", false)]
    #[case("fe80::1%eth0/64", false)]
    #[case(" 10.0.0.0/8", false)]
    #[case("", false)]
    fn networks_are_read_as_go_reads_them(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_network(text), expected);
    }
}
