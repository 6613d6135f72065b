//! Seeds as text: base32 of a prefix, 32 bytes and a checksum.
//!
//! This is the format of the Go library `nats-io/nkeys`. It is implemented here instead of taken
//! from a library, because it handles seeds, of which no copy may remain in freed memory.

use data_encoding::BASE32_NOPAD;
use portcullis_core::{KeyKind, PublicKey, Secret, key_checksum};
use zeroize::{Zeroize as _, Zeroizing};

/// Length of a key, public or secret, in bytes.
pub(super) const KEY_LEN: usize = PublicKey::LEN;
/// Length of a seed in characters: base32 of 36 bytes, with two bytes of prefix.
pub(super) const SEED_LEN: usize = 58;
/// Prefix `S`, at the position of the first base32 character.
const SEED_PREFIX: u8 = 18 << 3;

/// A reason why a text that looks like a seed is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeedProblem {
    Length,
    Characters,
    Checksum,
    Prefix,
}

impl SeedProblem {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Length => "it does not have 58 characters",
            Self::Characters => "it has characters that no seed has",
            Self::Checksum => "its checksum does not match",
            Self::Prefix => "its first characters are not those of a seed",
        }
    }
}

/// Returns the kind and the bytes of a seed. The kind is `None` if this crate does not know it.
pub(super) fn decode_seed(
    text: &str,
) -> Result<(Option<KeyKind>, Zeroizing<[u8; KEY_LEN]>), SeedProblem> {
    if text.len() != SEED_LEN {
        return Err(SeedProblem::Length);
    }
    let mut bytes = Zeroizing::new([0; 36]);
    BASE32_NOPAD
        .decode_mut(text.as_bytes(), bytes.as_mut_slice())
        .map_err(|_| SeedProblem::Characters)?;
    let [first, second, rest @ ..] = &*bytes;
    let (key, sum) = rest.split_at_checked(KEY_LEN).unwrap_or_default();
    if sum != key_checksum(&[*first, *second], key).to_le_bytes() {
        return Err(SeedProblem::Checksum);
    }
    if first & 0b1111_1000 != SEED_PREFIX {
        return Err(SeedProblem::Prefix);
    }
    let prefix = (first & 0b111) << 5 | second >> 3;
    let kind = KeyKind::ALL
        .into_iter()
        .find(|kind| kind.prefix() == prefix);
    let mut seed = Zeroizing::new([0; KEY_LEN]);
    for (place, byte) in seed.iter_mut().zip(key) {
        *place = *byte;
    }
    Ok((kind, seed))
}

/// Returns the text of a seed.
pub(super) fn encode_seed(kind: KeyKind, seed: &[u8; KEY_LEN]) -> Secret {
    let prefix = kind.prefix();
    let prefix = [SEED_PREFIX | prefix >> 5, prefix << 3];
    let sum = key_checksum(&prefix, seed).to_le_bytes();
    let mut bytes = Zeroizing::new([0; 36]);
    for (place, byte) in bytes.iter_mut().zip(prefix.iter().chain(seed).chain(&sum)) {
        *place = *byte;
    }
    // Reserves room for the whole text, because a growing buffer would leave a copy of the seed
    // behind.
    let mut text = String::with_capacity(SEED_LEN);
    BASE32_NOPAD.encode_append(bytes.as_slice(), &mut text);
    bytes.zeroize();
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use nkeys::KeyPair;
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = KeyKind> {
        prop::sample::select(KeyKind::ALL.as_slice())
    }

    /// Returns the library's kind. The library makes a curve key's text of given bytes only through
    /// `KeyPair`.
    fn theirs(kind: KeyKind) -> nkeys::KeyPairType {
        match kind {
            KeyKind::Operator => nkeys::KeyPairType::Operator,
            KeyKind::Account => nkeys::KeyPairType::Account,
            KeyKind::User => nkeys::KeyPairType::User,
            KeyKind::Server => nkeys::KeyPairType::Server,
            KeyKind::Cluster => nkeys::KeyPairType::Cluster,
            KeyKind::Curve => nkeys::KeyPairType::Curve,
            other => panic!("the tests know no {other} keys"),
        }
    }

    proptest! {
        #[test]
        fn seeds_are_written_and_read_as_nkeys_does(bytes: [u8; 32], kind in kinds()) {
            let ours = encode_seed(kind, &bytes);
            let theirs = KeyPair::new_from_raw(theirs(kind), bytes).unwrap().seed().unwrap();
            prop_assert_eq!(ours.expose(), &theirs);
            let (read, seed) = decode_seed(&theirs).unwrap();
            prop_assert_eq!((read, *seed), (Some(kind), bytes));
        }

        #[test]
        fn public_keys_are_written_and_read_as_nkeys_does(bytes: [u8; 32], kind in kinds()) {
            let text = PublicKey::from_bytes(kind, bytes).to_string();
            prop_assert_eq!(text.parse(), Ok(PublicKey::from_bytes(kind, bytes)));
            let (prefix, key) = nkeys::from_public_key(&text).unwrap();
            prop_assert_eq!((prefix, key), (kind.prefix(), bytes));
        }

        #[test]
        fn one_changed_character_never_goes_unnoticed(
            bytes: [u8; 32], kind in kinds(), place in 0_usize..56, letter in "[A-Z2-7]",
        ) {
            let public = PublicKey::from_bytes(kind, bytes).to_string();
            let mut changed = public.clone();
            changed.replace_range(place..=place, &letter);
            prop_assert_eq!(changed.parse::<PublicKey>().is_ok(), changed == public);
            let seed = encode_seed(kind, &bytes);
            let mut changed = seed.expose().to_owned();
            changed.replace_range(place..=place, &letter);
            prop_assert_eq!(decode_seed(&changed).is_ok(), changed == seed.expose());
        }

        #[test]
        fn any_text_is_read_or_refused_as_nkeys_does(text in "[SPUXA][A-Z2-7]{54,58}|.{0,60}") {
            prop_assert_eq!(decode_seed(&text).is_ok(), nkeys::decode_seed(&text).is_ok());
            if text.parse::<PublicKey>().is_ok() {
                prop_assert!(nkeys::from_public_key(&text).is_ok());
            }
        }
    }
}
