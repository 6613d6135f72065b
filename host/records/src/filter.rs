//! Filters of records.

use std::time::{Duration, SystemTime};

use portcullis_core::{DecisionRecord, LoginOutcome, SourceNetwork, client_address};
use serde::{Deserialize, Serialize};

/// The name of the algorithm before the digits of a digest.
const DIGEST_PREFIX: &str = "sha256:";

/// Conditions that a record has to fit, all of them. The default fits every record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RecordFilter {
    /// Id of the record, or its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The principal, the user name that the client presented, the user that the server shows, or
    /// the user name of the permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The network that the client came from.
    #[serde(with = "network", skip_serializing_if = "Option::is_none")]
    pub address: Option<SourceNetwork>,
    /// The account of the permit, by its name in the configuration or by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Name of the policy that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The digits at the beginning of the version of the policy that decided, in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<String>,
    /// Class of the denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Method of the identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Outcomes, one of which the record has. Empty for any outcome.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<LoginOutcome>,
    /// Whether the login did not get in: any outcome but `admitted` and `issued`.
    #[serde(skip_serializing_if = "is_false")]
    pub refused: bool,
    /// Earliest time at which the host received the login, in seconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Time before which the host received the login, in seconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl RecordFilter {
    /// Returns whether a record fits every condition.
    pub fn fits(&self, record: &DecisionRecord) -> bool {
        self.fits_client(record) && self.fits_decision(record)
    }

    fn fits_client(&self, record: &DecisionRecord) -> bool {
        let login = &record.login;
        let access = record.access.as_ref();
        let users = [
            login.identity.principal.as_ref(),
            login.username.as_ref(),
            login.client.user.as_ref(),
            access.and_then(|access| access.user_name.as_ref()),
        ];
        let address = login.client.host.as_deref();
        let address = address.and_then(client_address);
        self.user
            .as_ref()
            .is_none_or(|user| users.contains(&Some(user)))
            && self
                .address
                .is_none_or(|network| address.is_some_and(|address| network.contains(address)))
            && is(self.method.as_ref(), Some(&login.identity.method))
            && self.since.is_none_or(|since| record.received_at >= since)
            && self.until.is_none_or(|until| record.received_at < until)
    }

    fn fits_decision(&self, record: &DecisionRecord) -> bool {
        let access = record.access.as_ref();
        let policy = record.policy.as_ref();
        let version = policy.map(|policy| policy.version.trim_start_matches(DIGEST_PREFIX));
        self.id
            .as_ref()
            .is_none_or(|begin| record.id.starts_with(begin))
            && self
                .account
                .as_ref()
                .is_none_or(|name| access.is_some_and(|access| access.is_account(name)))
            && is(self.policy.as_ref(), policy.map(|policy| &policy.name))
            && self
                .policy_version
                .as_ref()
                .is_none_or(|begin| version.is_some_and(|version| version.starts_with(begin)))
            && is(self.class.as_ref(), record.class.as_ref())
            && (self.outcomes.is_empty() || self.outcomes.contains(&record.outcome))
            && !(self.refused && is_in(record.outcome))
    }

    /// Returns the time of the first record that can fit.
    pub fn earliest(&self) -> Option<SystemTime> {
        let since = Duration::from_secs(self.since?);
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

fn is(wanted: Option<&String>, found: Option<&String>) -> bool {
    wanted.is_none() || wanted == found
}

const fn is_in(outcome: LoginOutcome) -> bool {
    matches!(outcome, LoginOutcome::Admitted | LoginOutcome::Issued)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands the field over by reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A network as text.
mod network {
    use portcullis_core::SourceNetwork;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands the field over by reference")]
    pub(super) fn serialize<S: Serializer>(
        network: &Option<SourceNetwork>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match network {
            Some(network) => serializer.collect_str(network),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SourceNetwork>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let network = text.map(|text| text.parse().map_err(D::Error::custom));
        network.transpose()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::line::fixtures::line;

    #[test]
    fn a_filter_survives_its_way_as_json_and_an_unknown_condition_is_refused() {
        let filter = RecordFilter {
            id: Some("00-".to_owned()),
            address: Some("10.1.0.0/16".parse().unwrap()),
            outcomes: vec![LoginOutcome::GivenUp],
            refused: true,
            since: Some(7),
            ..RecordFilter::default()
        };
        let text = serde_json::to_value(&filter).unwrap();
        let expected = json!({
            "id": "00-", "address": "10.1.0.0/16", "outcomes": ["given-up"], "refused": true, "since": 7
        });
        assert_eq!(text, expected);
        assert_eq!(
            serde_json::from_value::<RecordFilter>(text).unwrap(),
            filter
        );
        assert_eq!(
            serde_json::to_value(RecordFilter::default()).unwrap(),
            json!({})
        );
        let error = serde_json::from_value::<RecordFilter>(json!({ "usr": "bob" })).unwrap_err();
        assert!(error.to_string().contains("unknown field `usr`"), "{error}");
    }

    #[test]
    fn every_condition_can_fail() {
        let line = line(1);
        let record = line.record();
        let text = |text: &str| Some(text.to_owned());
        let filter = RecordFilter::default();
        assert!(filter.fits(record));
        for filter in [
            RecordFilter {
                id: text("01"),
                ..filter.clone()
            },
            RecordFilter {
                user: text("bob"),
                ..filter.clone()
            },
            RecordFilter {
                address: Some("10.9.0.0/16".parse().unwrap()),
                ..filter.clone()
            },
            RecordFilter {
                account: text("APP"),
                ..filter.clone()
            },
            RecordFilter {
                policy: text("users"),
                ..filter.clone()
            },
            RecordFilter {
                policy_version: text("95f4"),
                ..filter.clone()
            },
            RecordFilter {
                class: text("end-of-chain"),
                ..filter.clone()
            },
            RecordFilter {
                method: text("nkey"),
                ..filter.clone()
            },
            RecordFilter {
                outcomes: vec![LoginOutcome::Admitted],
                ..filter.clone()
            },
            RecordFilter {
                since: Some(u64::MAX),
                ..filter.clone()
            },
            RecordFilter {
                until: Some(0),
                ..filter.clone()
            },
        ] {
            assert!(!filter.fits(record), "{filter:?}");
        }
        for filter in [
            RecordFilter {
                id: text("00-1"),
                ..filter.clone()
            },
            RecordFilter {
                class: text("policy-denied"),
                ..filter.clone()
            },
            RecordFilter {
                outcomes: vec![LoginOutcome::Denied],
                refused: true,
                ..filter
            },
        ] {
            assert!(filter.fits(record), "{filter:?}");
        }
    }
}
