//! Statements of signers: a release number, and digests of the files that a signature covers.

use portcullis_core::Digest;

/// Size of a statement, in bytes: a number, flags and two digests.
pub(super) const STATEMENT: usize = 8 + 1 + 2 * DIGEST;
/// Size of a statement about policy texts too, in bytes: one digest more.
pub(super) const STATEMENT_WITH_TEXTS: usize = STATEMENT + DIGEST;
/// Size of a digest, in bytes.
const DIGEST: usize = 32;

/// A signer's statement about a version: a release number, and digests of the other files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Release number of the version, which only grows; 0 if it has none.
    pub number: u64,
    /// The files next to the module that the signature covers. `None` leaves them to the operator.
    pub files: Option<SignedFiles>,
}

/// Digests of the files that a signature covers. `None` states that the file does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignedFiles {
    /// The digest of `NAME.toml`.
    pub settings: Option<Digest>,
    /// The digest of `NAME.tests.toml`.
    pub tests: Option<Digest>,
    /// One digest of the policy texts (`NAME.cedar`, `NAME.rego`).
    pub texts: Option<Digest>,
}

impl Statement {
    const COVERS_FILES: u8 = 1;
    const HAS_SETTINGS: u8 = 2;
    const HAS_TESTS: u8 = 4;

    pub(super) fn encode(&self) -> Vec<u8> {
        let files = self.files.unwrap_or_default();
        let mut flags = 0;
        for (flag, is_set) in [
            (Self::COVERS_FILES, self.files.is_some()),
            (Self::HAS_SETTINGS, files.settings.is_some()),
            (Self::HAS_TESTS, files.tests.is_some()),
        ] {
            flags |= if is_set { flag } else { 0 };
        }
        let mut bytes = self.number.to_be_bytes().to_vec();
        bytes.push(flags);
        for digest in [files.settings, files.tests] {
            bytes.extend(digest.map_or([0; DIGEST], |digest| *digest.as_bytes()));
        }
        // Without texts, the statement has the form that older hosts know.
        bytes.extend(files.texts.iter().flat_map(|digest| *digest.as_bytes()));
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (flags, rest) = rest.split_first()?;
        let (settings, rest) = rest.split_first_chunk()?;
        let (tests, rest) = rest.split_first_chunk()?;
        let digest = |flag, bytes: &[u8; DIGEST]| {
            let is_there = flags & flag != 0;
            is_there.then(|| Digest::from_bytes(*bytes))
        };
        let files = SignedFiles {
            settings: digest(Self::HAS_SETTINGS, settings),
            tests: digest(Self::HAS_TESTS, tests),
            texts: rest.first_chunk().map(|bytes| Digest::from_bytes(*bytes)),
        };
        Some(Self {
            number: u64::from_be_bytes(*number),
            files: (flags & Self::COVERS_FILES != 0).then_some(files),
        })
    }
}
