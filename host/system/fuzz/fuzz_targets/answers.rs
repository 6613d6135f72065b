//! Answers of the servers' services: the first byte is the service, and the rest the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_system::fuzzing::read_answer;
use portcullis_system::{
    Accountz, ClaimStatus, Connz, Healthz, Jsz, ReplyError, ServerName, Statsz, Subsz, UserInfo,
    Varz,
};
use portcullis_system_fuzz::round_trip;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|data: &[u8]| {
    let Some((first, payload)) = data.split_first() else {
        return;
    };
    match first % 11 {
        0 => read::<Accountz>(payload),
        1 => read::<ClaimStatus>(payload),
        2 => read::<Connz>(payload),
        3 => read::<Healthz>(payload),
        4 => read::<Jsz>(payload),
        5 => read::<ServerName>(payload),
        6 => read::<Statsz>(payload),
        7 => read::<Subsz>(payload),
        8 => read::<UserInfo>(payload),
        9 => read::<Varz>(payload),
        _ => read::<Vec<String>>(payload),
    }
});

fn read<T: Serialize + DeserializeOwned>(payload: &[u8]) {
    let (server, result) = read_answer::<T>(payload);
    round_trip(&server);
    let _ = server.server_id();
    match result {
        Ok(data) => round_trip(&data),
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() <= payload.len() + 1024, "{text}");
            if let ReplyError::Refused(refusal) = error {
                assert!(refusal.description.len() <= payload.len());
            }
        }
    }
}
