//! Records and keys for the tests of the screen.

use portcullis_core::DecisionRecord;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use serde_json::json;

use super::model::{Action, Model};
use super::update::{Event, update};

/// Returns the record of a denied login of alice. A larger number is a later one.
pub(super) fn record(number: u64) -> DecisionRecord {
    denied(number, "alice", "no")
}

/// Returns the record of a login of `user` that a policy denied.
pub(in crate::decisions) fn denied(number: u64, user: &str, reason: &str) -> DecisionRecord {
    let policy = json!({
        "name": "static-users",
        "digest": "sha256:00",
        "version": "sha256:01",
        "generation": 1,
    });
    let mut answer = policy.clone();
    answer["answer"] = json!("deny");
    answer["elapsed-us"] = json!(90);
    let (minutes, seconds) = (number / 60, number % 60);
    let record = json!({
        "format": 1,
        "id": format!("00-{number}"),
        "host": { "name": "portcullis", "version": "0.1.0", "start": "00", "sequence": number },
        "time": format!("2026-11-29T03:{minutes:02}:{seconds:02}.000Z"),
        "received-at": 1_795_921_200 + number,
        "outcome": "denied",
        "verdict": "deny",
        "class": "policy-denied",
        "reason": reason,
        "user-nkey": "UA",
        "login": {
            "username": user,
            "identity": { "method": "password", "principal": user, "proved": true },
            "client": { "host": "192.0.2.7", "kind": "Client", "transport": "nats", "id": number },
            "server": { "name": "n1", "id": "NA" },
        },
        "policy": policy,
        "policies": [answer],
        "reply": "sent",
        "elapsed-us": 120,
    });
    serde_json::from_value(record).unwrap()
}

/// Presses a key. Returns what the program has to do.
pub(super) fn press(model: &mut Model, code: KeyCode) -> Option<Action> {
    update(model, Event::Key(KeyEvent::from(code)))
}

/// Types a text.
pub(super) fn typed(model: &mut Model, text: &str) {
    for letter in text.chars() {
        press(model, KeyCode::Char(letter));
    }
}
