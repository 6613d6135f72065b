//! Validation of claims of every kind: the first byte is the kind, and the rest an input of the
//! targets of `host/claims/fuzz`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_accounts::Validate;
use portcullis_claims::{
    AccountBody, ActivationBody, Body, Claims, OperatorBody, UserBody, fuzzing,
};
use portcullis_claims_fuzz::token_of;
use serde::de::DeserializeOwned;

const NOW: u64 = 1_795_300_862;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let token = token_of(rest);
    match kind % 4 {
        0 => validate::<OperatorBody>(&token),
        1 => validate::<AccountBody>(&token),
        2 => validate::<UserBody>(&token),
        _ => validate::<ActivationBody>(&token),
    }
});

fn validate<B>(token: &[u8])
where
    B: Body + Default + DeserializeOwned,
    Claims<B>: Validate,
{
    let Ok(claims) = fuzzing::decode::<B>(token) else {
        return;
    };
    let findings = claims.validate(NOW);
    let mut size = 0;
    for finding in findings.iter() {
        let text = finding.to_string();
        assert!(!text.contains(['\n', '\r']), "{text:?}");
        size += text.len();
    }
    // Each field has a bounded number of rules.
    assert!(
        size <= 256 * token.len() + 4096,
        "{size} of {}",
        token.len()
    );
    assert_eq!(findings.is_empty(), findings.iter().next().is_none());
    assert!(findings.is_refused() || !findings.has_errors());
    assert_eq!(claims.validate(NOW), findings);
}
