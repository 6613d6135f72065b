//! User JWTs: decoded claims stay equal when they are encoded and decoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_claims::UserBody;
use portcullis_claims_fuzz::round_trip;

fuzz_target!(|data: &[u8]| round_trip::<UserBody>(data));
