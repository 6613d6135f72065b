//! Answers and events that nats-server 2.10 to 2.15 have sent, read without loss.
//!
//! `recorded/RELEASE.json` has the messages of a server with an account `APP` and one client of it.
//! Ids, digests and ports are replaced.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::SERVER;
use crate::error::ReplyError;
use crate::{
    Accountz, Connz, EventKind, Healthz, Jsz, ServerName, Statsz, Subsz, UserInfo, Varz, envelope,
};

const RELEASES: [(&str, &str); 5] = [
    ("2.10.26", include_str!("recorded/2.10.26.json")),
    ("2.11.11", include_str!("recorded/2.11.11.json")),
    ("2.12.8", include_str!("recorded/2.12.8.json")),
    ("2.14.6", include_str!("recorded/2.14.6.json")),
    ("2.15.1", include_str!("recorded/2.15.1.json")),
];

/// The messages of one release.
struct Recorded {
    release: &'static str,
    messages: Value,
}

fn recorded() -> impl Iterator<Item = Recorded> {
    RELEASES.into_iter().map(|(release, text)| Recorded {
        release,
        messages: serde_json::from_str(text).unwrap(),
    })
}

impl Recorded {
    fn message(&self, name: &str) -> &Value {
        let message = self.messages.get(name);
        message.unwrap_or_else(|| panic!("{} has no `{name}`", self.release))
    }

    /// Reads an answer, and checks that nothing of its data is lost.
    fn read<T: DeserializeOwned + Serialize + Debug>(&self, name: &str) -> T {
        let message = self.message(name);
        let (server, data) = envelope::read::<T>(message.to_string().as_bytes());
        let data = data.unwrap_or_else(|error| panic!("{} {name}: {error:?}", self.release));
        if let Some(recorded) = message.get("server") {
            assert_kept(recorded, &serde_json::to_value(&server).unwrap(), name);
            assert_eq!(server.version, self.release);
            assert_eq!(server.tags, ["of:a"]);
        }
        let recorded = message.get("data").or_else(|| message.get("statsz"));
        let written = serde_json::to_value(&data).unwrap();
        assert_kept(recorded.unwrap_or(message), &written, name);
        data
    }

    /// Reads an error.
    fn refusal(&self, name: &str) -> (u16, String) {
        let message = self.message(name).to_string();
        match envelope::read::<Value>(message.as_bytes()).1 {
            Err(ReplyError::Refused(refusal)) => (refusal.code, refusal.description),
            other => panic!("{} {name}: {other:?}", self.release),
        }
    }
}

/// Checks that `written` has all that `recorded` has.
fn assert_kept(recorded: &Value, written: &Value, place: &str) {
    match (recorded, written) {
        (Value::Object(recorded), Value::Object(written)) => {
            for (name, recorded) in recorded {
                let place = format!("{place}.{name}");
                let written = written.get(name);
                assert_kept(recorded, written.unwrap_or(&Value::Null), &place);
            }
        }
        (Value::Array(recorded), Value::Array(written)) => {
            assert_eq!(recorded.len(), written.len(), "{place}");
            for (recorded, written) in recorded.iter().zip(written) {
                assert_kept(recorded, written, place);
            }
        }
        (Value::Number(recorded), Value::Number(written)) => {
            assert_eq!(recorded.as_f64(), written.as_f64(), "{place}");
        }
        // Go's absent lists.
        (Value::Null, Value::Array(written)) => assert!(written.is_empty(), "{place}"),
        (recorded, written) => assert_eq!(recorded, written, "{place}"),
    }
}

#[test]
fn answers_of_every_release_are_read_without_loss() {
    for recorded in recorded() {
        let named: ServerName = recorded.read("IDZ");
        assert_eq!((named.name.as_str(), named.id.as_str()), ("a", SERVER));
        for name in ["STATSZ", "PING"] {
            let statsz: Statsz = recorded.read(name);
            assert_eq!(
                (statsz.connections, statsz.active_servers),
                (2, 1),
                "{name}"
            );
        }
        let varz: Varz = recorded.read("VARZ");
        assert_eq!((varz.version.as_str(), varz.port), (recorded.release, 4222));
        assert_eq!(varz.system_account, "SYS");
        let health: Healthz = recorded.read("HEALTHZ");
        assert!(health.is_ok());
        let jsz: Jsz = recorded.read("JSZ");
        assert!(jsz.disabled);
        let accounts: Accountz = recorded.read("ACCOUNTZ");
        assert!(accounts.accounts.contains(&"APP".to_owned()));
        let accounts: Accountz = recorded.read("ACCOUNTZ detail");
        assert_eq!(accounts.account.unwrap().clients, 1);
        let subsz: Subsz = recorded.read("SUBSZ");
        assert!(subsz.list.iter().any(|it| it.subject == "orders.*"));
        let info: UserInfo = recorded.read("USER.INFO");
        assert_eq!(
            (info.user.as_str(), info.account.as_str()),
            ("admin", "SYS")
        );
    }
}

#[test]
fn connections_of_every_release_are_read_without_loss() {
    for recorded in recorded() {
        let connz: Connz = recorded.read("CONNZ");
        assert_eq!(
            (connz.num_connections, connz.total, connz.limit),
            (1, 1, 1024)
        );
        let connection = &connz.connections[0];
        assert_eq!(connection.name, "desk");
        assert_eq!(connection.account.as_deref(), Some("APP"));
        assert_eq!(connection.authorized_user.as_deref(), Some("alice"));
        assert_eq!(connection.subjects, ["orders.*"]);
        let connz: Connz = recorded.read("CONNZ detail");
        let details = &connz.connections[0].subscription_details;
        assert_eq!(details[0].subject, "orders.*");
        let connz: Connz = recorded.read("CONNZ closed");
        assert_eq!(connz.connections[0].reason.as_deref(), Some("Kicked"));
    }
}

#[test]
fn events_of_every_release_are_read_without_loss() {
    for recorded in recorded() {
        for kind in EventKind::ALL {
            let name = format!("event {}", kind.as_str());
            // A server without callout and cluster, that stops at once.
            if matches!(kind, EventKind::AccountAuthError | EventKind::LameDuck) {
                continue;
            }
            let message = recorded.message(&name);
            let event = kind.read(message.to_string().as_bytes()).unwrap();
            assert_kept(message, &serde_json::to_value(&event).unwrap(), &name);
            assert_eq!(event.server().id, SERVER, "{name}");
            assert_eq!(event.server().version, recorded.release, "{name}");
        }
    }
}

#[test]
fn errors_of_every_release_are_read() {
    for recorded in recorded() {
        for name in ["RELOAD", "LDM", "KICK"] {
            let message = recorded.message(name).to_string();
            envelope::read::<()>(message.as_bytes()).1.unwrap();
        }
        for (name, code, description) in [
            ("KICK error", 500, "no such client"),
            ("LDM error", 500, "no such client id"),
            ("RELOAD error", 500, "unknown field \"no_such_key\""),
            ("VARZ error", 400, "unexpected end of JSON input"),
            ("CONNZ error", 500, "invalid sorting option: none"),
        ] {
            let refusal = recorded.refusal(name);
            assert_eq!(refusal.0, code, "{} {name}", recorded.release);
            assert!(refusal.1.contains(description), "{refusal:?}");
        }
    }
}
