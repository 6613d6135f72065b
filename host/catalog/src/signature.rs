//! Who vouches for a module: an nkey's signature at its end.
//!
//! A signed module is the module followed by one custom section, `portcullis:signature`, which every tool skips. In it are the
//! signer's public nkey as text and an Ed25519 signature over [`PURPOSE`] and the SHA-256 digest of everything before the section.
//! The section has one size, so it is found without parsing: nothing of a module is parsed before somebody vouches for it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nkeys::KeyPair;
use portcullis_files::{Directory, NewAccess};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What is signed begins with this, so that a signature made for something else never fits a module.
const PURPOSE: &[u8] = b"portcullis policy module, version 1\n";
/// The section up to the signer: its id, its length in LEB128, the length of its name and the name.
const HEAD: &[u8] = b"\x00\x8d\x01\x14portcullis:signature";
/// A public nkey as text.
const KEY: usize = 56;
/// An Ed25519 signature.
const SIGNATURE: usize = 64;
/// The largest module that is signed, in bytes.
const MAX_MODULE: u64 = 1 << 30;
const SECTION: usize = HEAD.len() + KEY + SIGNATURE;

/// The public nkey of somebody whose modules are trusted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Publisher(String);

/// Text that is no public nkey.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a public nkey, such as an account's (`A…`)")]
pub struct InvalidPublisher;

/// Why nobody who is trusted vouches for a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no signature.
    #[error(
        "not signed, and only modules of trusted publishers are loaded: sign it with `portcullis policy sign`"
    )]
    Unsigned,
    /// Somebody signed who is not on the list.
    #[error("signed by `{0}`, which is not among `trusted-publishers` under [policies]")]
    Untrusted(Publisher),
    /// The signature is not one of these bytes.
    #[error("the signature of `{0}` does not fit: the module was changed after it was signed")]
    Broken(Publisher),
    /// The signer is no nkey.
    #[error("signed by what is not a public nkey: sign it again with `portcullis policy sign`")]
    Malformed,
}

/// A module could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key has no seed.
    #[error("cannot sign with this key")]
    Key(#[source] nkeys::error::Error),
    /// The file is something else.
    #[error("`{}` is not a WebAssembly module: it does not start with `\\0asm`", .0.display())]
    NotWasm(PathBuf),
    /// The file cannot be read, or not replaced.
    #[error("cannot sign `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Publisher {
    /// The public nkey as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Publisher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Publisher {
    type Err = InvalidPublisher;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = KeyPair::from_public_key(text).is_ok() && text.len() == KEY;
        known.then(|| Self(text.to_owned())).ok_or(InvalidPublisher)
    }
}

/// A module and the section at its end, if it has one.
struct Parts<'a> {
    module: &'a [u8],
    signer: &'a [u8],
    signature: &'a [u8],
}

fn parts(bytes: &[u8]) -> Option<Parts<'_>> {
    let (module, section) = bytes.split_at_checked(bytes.len().checked_sub(SECTION)?)?;
    let (signer, signature) = section.strip_prefix(HEAD)?.split_at_checked(KEY)?;
    Some(Parts {
        module,
        signer,
        signature,
    })
}

fn message(module: &[u8]) -> Vec<u8> {
    [PURPOSE, Sha256::digest(module).as_slice()].concat()
}

/// The module with the signature of `key` at its end, in place of one it may have.
///
/// # Errors
///
/// When `key` has no seed.
pub fn sign(module: &[u8], key: &KeyPair) -> Result<Vec<u8>, SignError> {
    let module = parts(module).map_or(module, |parts| parts.module);
    let signature = key.sign(&message(module)).map_err(SignError::Key)?;
    Ok([module, HEAD, key.public_key().as_bytes(), &signature].concat())
}

/// Signs the module in a file, which is replaced in one step.
///
/// # Errors
///
/// When the file is no module, cannot be read or replaced, or `key` has no seed.
pub fn sign_file(path: &Path, key: &KeyPair) -> Result<(), SignError> {
    let failed = |source| SignError::File {
        path: path.to_owned(),
        source,
    };
    let module = portcullis_files::read(path, MAX_MODULE);
    let module = module.map_err(|error| failed(error.into()))?.bytes;
    if !module.starts_with(b"\0asm") {
        return Err(SignError::NotWasm(path.to_owned()));
    }
    let signed = sign(&module, key)?;
    let (directory, name) = Directory::holding(path).map_err(failed)?;
    directory
        .replace(name, &signed, NewAccess::Inherited)
        .map_err(failed)
}

/// Who signed a module; none if nobody did.
///
/// # Errors
///
/// When the signature does not fit.
pub fn signer(bytes: &[u8]) -> Result<Option<Publisher>, SignatureError> {
    let Some(parts) = parts(bytes) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(parts.signer).map_err(|_| SignatureError::Malformed)?;
    let publisher: Publisher = text.parse().map_err(|_| SignatureError::Malformed)?;
    let fits = KeyPair::from_public_key(text)
        .and_then(|key| key.verify(&message(parts.module), parts.signature));
    match fits {
        Ok(()) => Ok(Some(publisher)),
        Err(_) => Err(SignatureError::Broken(publisher)),
    }
}

/// Whether one of `trusted` vouches for a module; everything is fine if the list is empty.
pub(crate) fn check(bytes: &[u8], trusted: &[Publisher]) -> Result<(), SignatureError> {
    if trusted.is_empty() {
        return Ok(());
    }
    match signer(bytes)? {
        None => Err(SignatureError::Unsigned),
        Some(publisher) if trusted.contains(&publisher) => Ok(()),
        Some(publisher) => Err(SignatureError::Untrusted(publisher)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn publisher(key: &KeyPair) -> Publisher {
        key.public_key().parse().unwrap()
    }

    #[test]
    fn the_section_says_how_long_it_is() {
        let key = KeyPair::new_account();
        let signed = sign(MODULE, &key).unwrap();
        let section = &signed[MODULE.len()..];
        // LEB128, two bytes: what follows them.
        let length = usize::from(section[1] & 0x7f) | usize::from(section[2]) << 7;
        assert_eq!(length, section.len() - 3);
        assert_eq!(usize::from(section[3]), "portcullis:signature".len());
    }

    #[test]
    fn a_signed_module_names_its_signer_and_is_signed_once() {
        let (first, second) = (KeyPair::new_account(), KeyPair::new_operator());
        let signed = sign(MODULE, &first).unwrap();
        assert_eq!(signer(&signed), Ok(Some(publisher(&first))));
        let again = sign(&signed, &second).unwrap();
        assert_eq!(signer(&again), Ok(Some(publisher(&second))));
        assert_eq!(again.len(), signed.len());
        assert_eq!(signer(MODULE), Ok(None));
    }

    #[test]
    fn every_changed_byte_breaks_the_signature() {
        let key = KeyPair::new_account();
        let trusted = [publisher(&key)];
        let signed = sign(MODULE, &key).unwrap();
        assert_eq!(check(&signed, &trusted), Ok(()));
        for position in 0..signed.len() {
            let mut changed = signed.clone();
            changed[position] ^= 1;
            assert!(check(&changed, &trusted).is_err(), "byte {position}");
        }
        for length in 0..signed.len() {
            assert!(
                check(&signed[..length], &trusted).is_err(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn only_trusted_publishers_count_once_there_are_any() {
        let (key, other) = (KeyPair::new_account(), KeyPair::new_account());
        let signed = sign(MODULE, &other).unwrap();
        assert_eq!(check(MODULE, &[]), Ok(()));
        let trusted = [publisher(&key)];
        assert_eq!(check(MODULE, &trusted), Err(SignatureError::Unsigned));
        let refused = check(&signed, &trusted);
        assert_eq!(refused, Err(SignatureError::Untrusted(publisher(&other))));
        assert_eq!(
            check(&signed, &[trusted[0].clone(), publisher(&other)]),
            Ok(())
        );
    }

    #[test]
    fn a_signature_of_something_else_does_not_fit() {
        let key = KeyPair::new_account();
        let bare = key.sign(&Sha256::digest(MODULE)).unwrap();
        let forged = [MODULE, HEAD, key.public_key().as_bytes(), &bare].concat();
        assert_eq!(
            signer(&forged),
            Err(SignatureError::Broken(publisher(&key)))
        );
    }

    #[test]
    fn only_public_nkeys_are_publishers() {
        let key = KeyPair::new_account();
        assert!(key.public_key().parse::<Publisher>().is_ok());
        let seed = key.seed().unwrap();
        let cut = key.public_key().split_off(1);
        for text in ["", "ABC", &seed, &cut] {
            assert_eq!(text.parse::<Publisher>(), Err(InvalidPublisher), "{text}");
        }
    }
}
