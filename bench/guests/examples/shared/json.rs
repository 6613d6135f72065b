//! The JSON contract: its bindings, and the code that both guests share.

#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the canonical ABI hands over exactly sized allocations"
)]

use bench_guests::json::Answer;
use bench_guests::{Facts, decide};
use serde::de::DeserializeOwned;

wit_bindgen::generate!({
    path: "../wit/json",
    world: "policy",
});

/// Parses the facts of the login that `L` declares, and decides.
pub(crate) fn answer<L: DeserializeOwned + Into<Facts>>(login: &str) -> String {
    let answer = match serde_json::from_str::<L>(login) {
        Ok(login) => Answer::from(decide(login.into())),
        Err(error) => Answer::Deny(error.to_string()),
    };
    serde_json::to_string(&answer).unwrap_or_default()
}
