//! Tokens of any kind: what is decoded is encoded and decoded to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_claims::GenericBody;
use portcullis_claims_fuzz::round_trip;

fuzz_target!(|data: &[u8]| round_trip::<GenericBody>(data));
