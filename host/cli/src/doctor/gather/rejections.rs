//! The permits that servers refused because of their account, by the host's decision records.

use std::collections::BTreeMap;
use std::io;

use portcullis_config::Config;
use portcullis_core::{DecisionRecord, LoginOutcome};
use portcullis_records::{ReadRecords, read_file};

use crate::doctor::evidence::RejectedAccount;

/// Age of the oldest record that counts, in seconds.
const MAX_AGE: u64 = 24 * 60 * 60;

/// Parts of the servers' reasons that blame the account, in lower case, from `auth_callout.go` of
/// nats-server 2.10 to 2.15.
const REASONS: [&str; 2] = ["no valid account", "not permitted as valid account"];

/// Reads the file that the host writes now. `None` if the host writes no file.
pub(super) fn read(config: &Config, now: u64) -> Option<Result<Vec<RejectedAccount>, String>> {
    let path = &config.records.file.as_ref()?.path;
    let mut rejections = Rejections::default();
    let mut read = ReadRecords::default();
    let oldest = now.saturating_sub(MAX_AGE);
    let result = read_file(path, &mut read, |record| rejections.add(&record, oldest));
    Some(match result {
        Ok(()) => Ok(rejections.0.into_values().collect()),
        // The host makes the file with the first record.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
    })
}

/// The refused permits by account and server.
#[derive(Debug, Default)]
struct Rejections(BTreeMap<(String, String), RejectedAccount>);

impl Rejections {
    /// Takes the next record into account. A login that the server admits to the account ends the
    /// refusals before it.
    fn add(&mut self, record: &DecisionRecord, oldest: u64) {
        let Some(access) = &record.access else {
            return;
        };
        let server = &record.login.server.name;
        let key = (access.account.clone(), server.clone());
        match record.outcome {
            LoginOutcome::Admitted => {
                self.0.remove(&key);
            }
            LoginOutcome::Rejected if record.received_at >= oldest => {
                let reason = record.server_reason.as_deref().unwrap_or_default();
                let lower = reason.to_lowercase();
                if !REASONS.iter().any(|part| lower.contains(part)) {
                    return;
                }
                let number = self.0.get(&key).map_or(0, |before| before.number);
                let rejected = RejectedAccount {
                    account: access.account.clone(),
                    server: server.clone(),
                    number: number.saturating_add(1),
                    at: record.received_at,
                    id: record.id.clone(),
                    reason: reason.to_owned(),
                };
                self.0.insert(key, rejected);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_795_300_862;

    fn record(outcome: &str, account: &str, at: u64, reason: &str) -> DecisionRecord {
        let record = json!({
            "format": 1,
            "id": format!("4f2a-{at}"),
            "host": { "name": "portcullis", "version": "0.1.0", "start": "4f2a", "sequence": 1 },
            "time": "2026-11-29T03:12:07.123Z",
            "received-at": at,
            "outcome": outcome,
            "verdict": "permit",
            "server-reason": reason,
            "user-nkey": "U",
            "login": {
                "identity": { "method": "password", "principal": "alice", "proved": false },
                "client": { "host": "192.0.2.7", "id": 7 },
                "server": { "name": "n1", "id": "N" },
            },
            "access": { "account": account, "publish": {}, "subscribe": {} },
            "reply": "sent",
            "elapsed-us": 1,
        });
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn refusals_for_an_account_count_until_a_login_is_admitted_to_it() {
        let unknown = "No valid account \"X\" for auth callout response";
        let mut rejections = Rejections::default();
        for record in [
            record("rejected", "OLD", NOW - MAX_AGE - 1, unknown),
            record("rejected", "GONE", NOW - 20, unknown),
            record("rejected", "GONE", NOW - 10, unknown),
            record("rejected", "MENDED", NOW - 10, unknown),
            record("admitted", "MENDED", NOW - 5, ""),
            record("rejected", "OTHER", NOW - 5, "user jwt issuer is wrong"),
            record("denied", "DENIED", NOW - 5, ""),
        ] {
            rejections.add(&record, NOW - MAX_AGE);
        }

        let found: Vec<_> = rejections.0.into_values().collect();

        let expected = RejectedAccount {
            account: "GONE".to_owned(),
            server: "n1".to_owned(),
            number: 2,
            at: NOW - 10,
            id: format!("4f2a-{}", NOW - 10),
            reason: unknown.to_owned(),
        };
        assert_eq!(found, [expected]);
    }
}
