//! Credentials files: parsed credentials are written, and written ones are parsed. No error shows a
//! secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_claims::{MAX_CREDENTIALS_SIZE, fuzzing};
use portcullis_claims_fuzz::{expand, word};

fuzz_target!(|data: &[u8]| {
    let text = expand(data);
    let Ok(text) = str::from_utf8(&text) else {
        return;
    };
    match fuzzing::parse_credentials(text) {
        Ok(credentials) => {
            let written = credentials.to_text();
            assert!(written.expose().len() <= text.len() + 600);
            let again = fuzzing::parse_credentials(written.expose()).unwrap();
            assert_eq!(again.jwt(), credentials.jwt());
            assert_eq!(again.key().seed(), credentials.key().seed());
            assert_eq!(again.expires_at(), credentials.expires_at());
            assert_eq!(again.to_text(), written);
            assert!(text.len() <= MAX_CREDENTIALS_SIZE);
        }
        Err(error) => {
            let message = format!("{error} {error:?}");
            assert!(!message.contains(word('S')));
            assert!(message.len() < 1000);
        }
    }
});
