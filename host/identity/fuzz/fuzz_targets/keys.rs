//! JWK sets, and tokens verified with them. The input is the set, a zero byte, and a token in the
//! form of the target `token`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_identity::fuzzing;
use portcullis_identity_fuzz::{check_error, parts, token_of};

fuzz_target!(|data: &[u8]| {
    let (set, token) = parts(data);
    let Some(token) = token_of(token) else { return };
    let Some((keys, ignored, verified)) = fuzzing::verify(set, &token) else {
        return;
    };
    assert!(keys + ignored <= set.len());
    match verified {
        Ok(()) => assert!(keys > 0),
        Err(error) => check_error(&error.to_string()),
    }
});
