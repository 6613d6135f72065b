//! The languages of policy texts.

use std::path::Path;

use portcullis_core::Digest;
use sha2::{Digest as _, Sha256};

/// A language of policy texts.
pub(crate) struct Language {
    /// The extension of its files.
    pub(crate) extension: &'static str,
    /// The key of the settings under which the module receives the text.
    pub(crate) key: &'static str,
}

/// The languages. The order is part of the digests of versions and of signatures.
pub(crate) const LANGUAGES: [Language; 2] = [
    Language {
        extension: "cedar",
        key: "cedar-text",
    },
    Language {
        extension: "rego",
        key: "rego-text",
    },
];

/// One value for each of the [`LANGUAGES`], in their order.
pub(crate) type Texts<T> = [T; LANGUAGES.len()];

/// Returns whether a file of this name holds a policy text.
pub(crate) fn is_text(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    LANGUAGES
        .iter()
        .any(|language| extension.eq_ignore_ascii_case(language.extension))
}

/// Returns one digest of all texts. `None` without any.
pub(crate) fn digest(texts: Texts<Option<Digest>>) -> Option<Digest> {
    texts.iter().flatten().next()?;
    let mut sum = Sha256::new();
    for (language, digest) in LANGUAGES.iter().zip(texts) {
        let Some(digest) = digest else { continue };
        sum.update(language.extension.as_bytes());
        sum.update([0]);
        sum.update(digest.as_bytes());
    }
    Some(Digest::from_bytes(sum.finalize().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_the_languages_apart() {
        let one = Some(Digest::from_bytes([1; 32]));
        assert_eq!(digest([None, None]), None);
        assert_ne!(digest([one, None]), digest([None, one]));
        assert_ne!(digest([one, None]), digest([one, one]));
    }
}
