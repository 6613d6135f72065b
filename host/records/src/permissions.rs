//! The permissions that the host's own user needs for records.

use std::collections::BTreeSet;

use portcullis_connect::{PermissionSide, RequiredPermission};
use portcullis_core::AccountName;

use crate::live::LiveOptions;
use crate::sinks::RecordOptions;
use crate::stream::StreamOptions;

impl RecordOptions {
    /// Returns the permissions that the host's own user needs in the callout account. `accounts`
    /// are those of all logins. `None` if they are not known. With `stream_is_elsewhere`, the
    /// stream has a connection of its own, with another user.
    pub fn required_permissions(
        &self,
        accounts: Option<&BTreeSet<AccountName>>,
        stream_is_elsewhere: bool,
    ) -> Vec<RequiredPermission> {
        let mut permissions = Vec::new();
        if let Some(events) = &self.events {
            let of_account = |account: &AccountName| events.subject.of_account(account.as_str());
            permissions.push(RequiredPermission {
                side: PermissionSide::Publish,
                subject: events.subject.of_all(),
                instead: accounts.into_iter().flatten().map(of_account).collect(),
                purpose: "publish login events",
            });
        }
        let stream = self.stream.as_ref().filter(|_| !stream_is_elsewhere);
        permissions.extend(
            stream
                .into_iter()
                .flat_map(StreamOptions::required_permissions),
        );
        let live = self.live.iter().flat_map(LiveOptions::required_permissions);
        permissions.extend(live);
        permissions
    }
}

/// The inboxes of callers, with the prefix of NATS clients that set none.
const INBOXES: &str = "_INBOX.>";

impl LiveOptions {
    /// Returns the permissions that the host's own user needs to answer questions for records.
    pub fn required_permissions(&self) -> [RequiredPermission; 2] {
        [
            required(
                PermissionSide::Subscribe,
                &self.subject,
                "receive questions for decision records",
            ),
            required(
                PermissionSide::Publish,
                INBOXES,
                "answer questions for decision records",
            ),
        ]
    }

    /// Returns the permissions that a user needs who asks for records.
    pub fn reader_permissions(&self) -> [RequiredPermission; 2] {
        [
            required(
                PermissionSide::Publish,
                &self.subject,
                "ask hosts for decision records",
            ),
            required(
                PermissionSide::Subscribe,
                INBOXES,
                "receive the answers of hosts",
            ),
        ]
    }
}

fn required(side: PermissionSide, subject: &str, purpose: &'static str) -> RequiredPermission {
    RequiredPermission {
        side,
        subject: subject.to_owned(),
        instead: Vec::new(),
        purpose,
    }
}

impl StreamOptions {
    /// Returns the permissions that the user of a connection needs that the stream has to itself,
    /// with inboxes that begin with `inbox_prefix`.
    pub fn own_connection_permissions(&self, inbox_prefix: &str) -> Vec<RequiredPermission> {
        let mut permissions = Vec::from(self.required_permissions());
        permissions.push(RequiredPermission {
            side: PermissionSide::Subscribe,
            subject: format!("{inbox_prefix}.>"),
            instead: Vec::new(),
            purpose: "learn whether the stream has a decision record",
        });
        permissions
    }

    /// Returns the permissions that the user of the stream's connection needs, without its inbox.
    pub fn required_permissions(&self) -> [RequiredPermission; 2] {
        let prefix = match &self.domain {
            Some(domain) => format!("$JS.{domain}.API"),
            None => "$JS.API".to_owned(),
        };
        let publish = |subject, purpose| RequiredPermission {
            side: PermissionSide::Publish,
            subject,
            instead: Vec::new(),
            purpose,
        };
        [
            publish(
                self.subject.clone(),
                "publish decision records into the stream",
            ),
            publish(
                format!("{prefix}.STREAM.NAMES"),
                "notice that no stream captures decision records",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventOptions;

    fn subjects(
        options: &RecordOptions,
        accounts: &[&str],
        elsewhere: bool,
    ) -> Vec<(String, Vec<String>)> {
        let accounts = accounts.iter().map(|name| name.parse().unwrap()).collect();
        let required = options.required_permissions(Some(&accounts), elsewhere);
        let subjects = required.into_iter().map(|it| (it.subject, it.instead));
        subjects.collect()
    }

    #[test]
    fn events_need_the_subject_of_every_account() {
        let subject = "logins.{account}.{user}".parse().unwrap();
        let options = RecordOptions {
            events: Some(EventOptions::new(subject)),
            ..RecordOptions::default()
        };
        let of_accounts = ["logins.A.*", "logins.B%2EC.*"].map(str::to_owned);
        let expected = [("logins.*.*".to_owned(), of_accounts.to_vec())];
        assert_eq!(subjects(&options, &["A", "B.C"], false), expected);
        let any = options.required_permissions(None, false);
        assert_eq!(any[0].instead, [""; 0]);
    }

    #[test]
    fn a_stream_needs_permissions_of_the_user_of_its_connection() {
        let options = RecordOptions {
            stream: Some(StreamOptions {
                domain: Some("hub".to_owned()),
                ..StreamOptions::default()
            }),
            ..RecordOptions::default()
        };
        let needed = ["portcullis.decisions", "$JS.hub.API.STREAM.NAMES"];
        let needed = needed.map(|subject| (subject.to_owned(), Vec::new()));
        assert_eq!(subjects(&options, &[], false), needed);
        assert_eq!(subjects(&options, &[], true), []);
        assert_eq!(subjects(&RecordOptions::default(), &[], false), []);
    }

    #[test]
    fn a_host_that_answers_needs_what_a_reader_does_not_and_the_other_way_round() {
        let live = LiveOptions::new("audit.records");
        let options = RecordOptions {
            live: Some(live.clone()),
            ..RecordOptions::default()
        };
        let host = options.required_permissions(None, false);
        let reader = live.reader_permissions();
        let sides = |of: &[RequiredPermission]| {
            let sides = of.iter().map(|it| format!("{} {}", it.side, it.subject));
            sides.collect::<Vec<_>>()
        };
        assert_eq!(
            sides(&host),
            ["subscribe audit.records", "publish _INBOX.>"]
        );
        assert_eq!(
            sides(&reader),
            ["publish audit.records", "subscribe _INBOX.>"]
        );
    }
}
