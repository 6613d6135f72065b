//! Filters of records. A record has to fit all of them.

use std::net::IpAddr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use portcullis_core::{DenialClass, LoginOutcome, Method, SourceNetwork};
use portcullis_records::RecordFilter;

use super::moment::moment;

/// The name of the algorithm before the digits of a digest.
const DIGEST_PREFIX: &str = "sha256:";

/// The filters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct FilterArguments {
    /// Only logins of this user: the principal, the user name or the user that the server shows.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only logins from this address, or from this network, such as 10.1.0.0/16.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    address: Option<SourceNetwork>,
    /// Only logins into this account, by the name in the configuration or by the key.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Only logins that this policy decided.
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// Only logins that this version of a policy decided: its digest, or the beginning, as the
    /// column VERSION of `list` shows it.
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    policy_version: Option<String>,
    /// Only denials of this class.
    #[arg(long, value_name = "CLASS", value_parser = class())]
    class: Option<String>,
    /// Only logins of this method.
    #[arg(long, value_name = "METHOD", value_parser = method())]
    method: Option<String>,
    /// Only logins with this outcome; can be given several times.
    #[arg(long, value_name = "OUTCOME", value_parser = outcome())]
    outcome: Vec<LoginOutcome>,
    /// Only logins that did not get in: any outcome but `admitted` and `issued`.
    #[arg(long, conflicts_with = "outcome")]
    refused: bool,
    /// Only logins from this time on: a time such as 2026-01-31T12:00:00Z or a date, both UTC, a
    /// span before now such as 24h or 7d, or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<u64>,
    /// Only logins before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<u64>,
}

/// Parses a network, or an address as the network with that address alone.
pub(super) fn network(text: &str) -> Result<SourceNetwork, String> {
    let network = match text.parse() {
        Ok(IpAddr::V4(_)) => format!("{text}/32"),
        Ok(IpAddr::V6(_)) => format!("{text}/128"),
        Err(_) => text.to_owned(),
    };
    network.parse().map_err(|_| {
        "give an address such as `10.1.0.7`, or a network such as `10.1.0.0/16`".to_owned()
    })
}

/// Parses the beginning of a digest, with or without the name of its algorithm.
fn digest(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix(DIGEST_PREFIX).unwrap_or(text);
    let is_digest = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
    is_digest
        .then(|| digits.to_ascii_lowercase())
        .ok_or_else(|| "give a digest or its beginning, such as `95f4b21dc1f5`".to_owned())
}

fn class() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(DenialClass::ALL.map(DenialClass::as_str))
}

fn method() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(Method::ALL.map(Method::as_str))
}

fn outcome() -> impl TypedValueParser<Value = LoginOutcome> {
    let names = PossibleValuesParser::new(LoginOutcome::ALL.map(LoginOutcome::as_str));
    names.try_map(|name| {
        let mut all = LoginOutcome::ALL.into_iter();
        all.find(|outcome| outcome.as_str() == name)
            .ok_or("no such outcome")
    })
}

impl FilterArguments {
    /// Returns the filter that the arguments state.
    pub(super) fn filter(self) -> RecordFilter {
        RecordFilter {
            id: None,
            user: self.user,
            address: self.address,
            account: self.account,
            policy: self.policy,
            policy_version: self.policy_version,
            class: self.class,
            method: self.method,
            outcomes: self.outcome,
            refused: self.refused,
            since: self.since,
            until: self.until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_network_with_that_address_alone() {
        for (text, inside, outside) in [
            ("10.1.0.7", "10.1.0.7", "10.1.0.8"),
            ("10.1.0.0/16", "10.1.9.9", "10.2.0.0"),
            ("fd00::7", "fd00::7", "fd00::8"),
        ] {
            let network = network(text).unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{text}");
            assert!(!network.contains(outside.parse().unwrap()), "{text}");
        }
        assert!(network("n1").unwrap_err().contains("`10.1.0.0/16`"));
    }

    #[test]
    fn an_account_is_found_by_its_name_and_by_the_key_that_a_policy_gave() {
        let mut record = super::super::watch::fixtures::denied(1, "alice", "no");
        let access = serde_json::json!({
            "account": "AAKEY", "account-name": "APP", "publish": {}, "subscribe": {},
        });
        record.access = serde_json::from_value(access).unwrap();
        for (account, fits) in [("APP", true), ("AAKEY", true), ("OTHER", false)] {
            let arguments = FilterArguments {
                account: Some(account.to_owned()),
                ..FilterArguments::default()
            };
            assert_eq!(arguments.filter().fits(&record), fits, "{account}");
        }
        assert_eq!(super::super::list::account(&record), "APP");
    }

    #[test]
    fn a_version_of_a_policy_is_known_by_the_beginning_of_its_digest() {
        for (text, expected) in [("95f4", "95f4"), ("sha256:95F4", "95f4")] {
            assert_eq!(digest(text).as_deref(), Ok(expected));
        }
        for text in ["", "sha256:", "latest"] {
            assert!(
                digest(text).unwrap_err().contains("`95f4b21dc1f5`"),
                "{text}"
            );
        }
    }
}
