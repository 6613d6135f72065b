//! Generation of seeds, and the seeds that sign modules.

use nkeys::{KeyPair, KeyPairType};
use portcullis_claims::{CurveKey, KeyError, KeyKind, SigningKey};
use portcullis_config::{check_seed, public_key};
use portcullis_core::Secret;

/// A new key.
#[derive(Debug)]
pub(crate) struct NewKey {
    /// Seed of the key, `S…`.
    pub(crate) seed: Secret,
    /// Public key.
    pub(crate) public: String,
}

/// Generates a key of random bytes.
///
/// # Errors
///
/// Fails if the key library fails.
pub(crate) fn generate(kind: KeyKind) -> Result<NewKey, KeyError> {
    let seed = match kind {
        KeyKind::Curve => CurveKey::generate_seed()?,
        _ => SigningKey::generate_seed(kind)?,
    };
    let public = public_key(seed.expose(), kind)?;
    Ok(NewKey { seed, public })
}

/// Returns the key of a publisher's seed, which is that of an account, an operator or a user. The
/// error never repeats the text, which may be another secret.
///
/// # Errors
///
/// Fails with what the text is instead.
pub(crate) fn publishing_key(text: &str) -> anyhow::Result<KeyPair> {
    let text = text.trim();
    let key = KeyPair::from_seed(text)
        .map_err(|_| anyhow::anyhow!("it does not hold the seed of an nkey (S…)"))?;
    let kind = match key.key_pair_type() {
        KeyPairType::Account => KeyKind::Account,
        KeyPairType::Operator => KeyKind::Operator,
        KeyPairType::User => KeyKind::User,
        // Keys of servers and clusters and curve keys serve other purposes.
        _ => anyhow::bail!(
            "it holds the seed of another kind of key: use an account's (SA…), an operator's or a user's"
        ),
    };
    check_seed(text, kind)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_seeds_are_refused() {
        let issuer = "SAANDLKMXL6CUS3CP52WIXBEDN6YJ545GDKC65U5JZPPV6WH6ESWUA6YAI";
        let xkey = "SXAAXMRAEP6JWWHNB6IKFL554IE6LZVT6EY5MBRICPILTLOPHAG73I3YX4";
        assert!(publishing_key(issuer).is_err() && publishing_key(xkey).is_err());
        let own = generate(KeyKind::Operator).unwrap();
        assert_eq!(
            publishing_key(own.seed.expose()).unwrap().public_key(),
            own.public
        );
    }
}
