//! Boxes: sealed ones open, changed ones do not, and any other input fails with a named error.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_claims::{BoxError, CurveKey, KeyKind, SharedKey, fuzzing, is_sealed};

/// Key agreement for all runs, so that each run only parses its input.
static SHARED: LazyLock<SharedKey> = LazyLock::new(|| {
    let key = |byte| {
        CurveKey::from_seed(fuzzing::seed_text(KeyKind::Curve, &[byte; 32]).expose()).unwrap()
    };
    key(1).shared_with(key(2).as_public()).unwrap()
});

fuzz_target!(|data: &[u8]| {
    match SHARED.open(data) {
        // Sealing a box takes the key.
        Ok(_) => panic!("a forged box was opened"),
        Err(error) => assert_eq!(is_sealed(data), error != BoxError::NotSealed),
    }
    let Some(([at, change], plain)) = data.split_first_chunk::<2>() else {
        return;
    };
    let mut sealed = SHARED.seal(plain).unwrap();
    assert_eq!(sealed.len(), plain.len() + 44);
    assert_eq!(SHARED.open(&sealed).unwrap().as_slice(), plain);
    let at = usize::from(*at) % sealed.len();
    sealed[at] ^= change;
    assert_eq!(SHARED.open(&sealed).is_ok(), *change == 0);
    sealed.truncate(at);
    assert!(SHARED.open(&sealed).is_err());
});
