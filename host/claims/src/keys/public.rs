//! Verification with public nkeys.

use aws_lc_rs::signature::{ED25519, VerificationAlgorithm as _};
use portcullis_core::{KeyKind, PublicKey};

/// A public key that verifies signatures.
pub trait VerifyingKey {
    /// Returns whether `signature` is this key's Ed25519 signature of `message`. Always `false` for
    /// curve keys.
    ///
    /// Accepts what Go's `crypto/ed25519` accepts: no cofactor, `S` below the group's order, `R`
    /// compared byte by byte. The only exceptions are the few public keys whose y coordinate is not
    /// reduced. Go reads them; here they verify nothing. No key pair has such a public key.
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool;
}

impl VerifyingKey for PublicKey {
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.kind() != KeyKind::Curve
            && ED25519
                .verify_sig(self.as_bytes(), message, signature)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use nkeys::KeyPair;

    use super::*;

    #[test]
    fn keys_of_every_kind_are_read_and_written() {
        let keys = [
            (KeyPair::new_operator(), KeyKind::Operator),
            (KeyPair::new_account(), KeyKind::Account),
            (KeyPair::new_user(), KeyKind::User),
            (KeyPair::new_server(), KeyKind::Server),
            (KeyPair::new_cluster(), KeyKind::Cluster),
            (KeyPair::new(nkeys::KeyPairType::Curve), KeyKind::Curve),
        ];
        for (pair, kind) in keys {
            let text = pair.public_key();
            let key: PublicKey = text.parse().unwrap();
            assert_eq!(key.kind(), kind);
            assert_eq!(key.to_string(), text);
            assert!(text.starts_with(kind.letter()), "{text}");
        }
    }

    #[test]
    fn broken_keys_are_refused_without_being_repeated() {
        let good = KeyPair::new_user().public_key();
        let swapped = good.replacen('U', "A", 1);
        let seed = KeyPair::new_user().seed().unwrap();
        let module = KeyPair::new_module().public_key();
        for text in [
            "",
            "U",
            good.trim_start_matches('U'),
            &good.to_lowercase(),
            &swapped,
            &seed,
            &module,
            &format!("{good} "),
            &"é".repeat(28),
        ] {
            let error = text.parse::<PublicKey>().unwrap_err();
            assert!(!error.to_string().contains(&seed));
        }
    }
}
