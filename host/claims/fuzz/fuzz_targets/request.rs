//! Authorization requests: any input opens or fails with a named error, and `Debug` shows no
//! secret.
#![no_main]

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use portcullis_claims::{OpenedRequest, fuzzing};
use portcullis_claims_fuzz::token_of;

const NOW: u64 = 1_795_300_862;

/// Marker in the passwords of the corpus.
const MARK: &str = "hunter2";

fuzz_target!(|data: &[u8]| {
    let token = token_of(data);
    match fuzzing::open_request(&token, NOW, Duration::from_secs(5)) {
        Ok(opened) => {
            let payload = token.split(|byte| *byte == b'.').nth(1).unwrap();
            assert_eq!(
                BASE64URL_NOPAD.encode(opened.raw().as_bytes()).as_bytes(),
                payload
            );
            assert!(opened.expires_at().is_none_or(|at| at + 5 >= NOW));
            let debug = format!("{opened:?}");
            assert!(!(debug.contains(MARK) && is_only_secret(&opened)));
            assert!(debug.len() < 16 * token.len() + 4096);
        }
        Err(error) => assert!(error.to_string().len() < 200),
    }
});

/// Returns whether the marker is part of a secret and of nothing else.
fn is_only_secret(opened: &OpenedRequest) -> bool {
    let credentials = &opened.request().credentials;
    let secrets = [
        &credentials.password,
        &credentials.token,
        &credentials.jwt,
        &credentials.signature,
    ];
    let mut secrets = secrets.into_iter().flatten();
    secrets.any(|secret| secret.expose().contains(MARK)) && opened.raw().matches(MARK).count() == 1
}
