//! Checks of seeds.

use portcullis_claims::{CurveKey, KeyError, KeyKind, SigningKey, is_public_sample};

/// A reason why a seed is unusable.
#[derive(Debug, thiserror::Error)]
pub enum UnusableSeed {
    /// The text is not a seed of the required kind.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The seed is publicly known.
    #[error(
        "the seed stands in public documentation, so anybody can sign with it; make keys of your own, for example with \
         `portcullis init`"
    )]
    Public,
}

/// Checks that `text` is a seed of this kind and not publicly known.
///
/// # Errors
///
/// Fails with what the text is instead.
pub fn check_seed(text: &str, kind: KeyKind) -> Result<(), UnusableSeed> {
    if is_public_sample(&public_key(text, kind)?) {
        return Err(UnusableSeed::Public);
    }
    Ok(())
}

/// Returns the public key of a seed of this kind.
///
/// # Errors
///
/// Fails with what the text is instead.
pub fn public_key(seed: &str, kind: KeyKind) -> Result<String, KeyError> {
    Ok(match kind {
        KeyKind::Curve => CurveKey::from_seed(seed)?.public_key().to_owned(),
        _ => SigningKey::from_seed(seed, kind)?.public_key().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publicly_known_seeds_are_refused() {
        for (seed, kind) in [
            (
                "SAANDLKMXL6CUS3CP52WIXBEDN6YJ545GDKC65U5JZPPV6WH6ESWUA6YAI",
                KeyKind::Account,
            ),
            (
                "SXAAXMRAEP6JWWHNB6IKFL554IE6LZVT6EY5MBRICPILTLOPHAG73I3YX4",
                KeyKind::Curve,
            ),
        ] {
            let error = check_seed(seed, kind).unwrap_err();
            assert!(matches!(error, UnusableSeed::Public), "{error}");
        }
        let own = CurveKey::generate_seed().unwrap();
        assert!(check_seed(own.expose(), KeyKind::Curve).is_ok());
    }
}
