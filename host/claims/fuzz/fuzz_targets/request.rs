//! Authorization requests: whatever a server could send opens or is refused by name, and `Debug` shows no secret.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use portcullis_claims::fuzzing;
use portcullis_claims_fuzz::token_of;

const NOW: u64 = 1_795_300_862;

fuzz_target!(|data: &[u8]| {
    let token = token_of(data);
    match fuzzing::open_request(&token, NOW, Duration::from_secs(5)) {
        Ok(opened) => {
            assert!(opened.raw().len() <= token.len());
            assert!(opened.expires_at().is_none_or(|at| at + 5 >= NOW));
            assert!(serde_json::from_str::<serde_json::Value>(opened.raw()).is_ok());
            let debug = format!("{opened:?}");
            assert!(!debug.contains("hunter2"));
            assert!(debug.len() < 16 * token.len() + 4096);
        }
        Err(error) => assert!(error.to_string().len() < 200),
    }
});
