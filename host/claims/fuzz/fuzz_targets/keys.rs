//! Public keys and seeds as text: only encoded keys are decoded, and no error repeats the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_claims::{KeyKind, PublicKey, fuzzing};
use portcullis_claims_fuzz::{KINDS, expand};

fuzz_target!(|data: &[u8]| {
    let (Some((choice, rest)), kinds) = (data.split_first(), KINDS) else {
        return;
    };
    let kind = kinds[usize::from(*choice) % kinds.len()];
    if let Some((bytes, _)) = rest.split_first_chunk::<32>() {
        written_is_read(kind, bytes);
    }
    let text = expand(rest);
    if let Ok(text) = str::from_utf8(&text) {
        any_text(kind, text);
    }
});

fn written_is_read(kind: KeyKind, bytes: &[u8; 32]) {
    let public = fuzzing::public_text(kind, bytes);
    let key: PublicKey = public.parse().unwrap();
    assert_eq!((key.kind(), key.as_str()), (kind, public.as_str()));
    let seed = fuzzing::seed_text(kind, bytes);
    assert_eq!(fuzzing::read_seed(seed.expose(), kind).as_ref(), Ok(bytes));
}

fn any_text(kind: KeyKind, text: &str) {
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string(), text);
        assert!(text.starts_with(key.kind().letter()));
        assert!(PublicKey::is_valid(text, key.kind()));
    }
    match fuzzing::read_seed(text, kind) {
        Ok(bytes) => {
            let seed = fuzzing::seed_text(kind, &bytes);
            assert!(text.contains(seed.expose()));
        }
        Err(error) => assert!(error.to_string().len() < 200),
    }
}
