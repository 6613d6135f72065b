//! Signatures of modules: an nkey's signature at the end of the file.
//!
//! A signed module is the module followed by one custom section, `portcullis:signature`, which
//! every tool skips. The section contains the signer's public nkey as text, an optional
//! [`Statement`], and an Ed25519 signature. The signature covers [`PURPOSE`] (or
//! [`PURPOSE_OF_STATEMENT`] or [`PURPOSE_WITH_TEXTS`]), the SHA-256 digest of everything before the
//! section, and the statement.
//!
//! The section has one size for each of its three forms, so the host finds it without parsing. The
//! host parses a module only after it has verified the signature of a trusted publisher.

mod statement;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nkeys::KeyPair;
use portcullis_core::{Allowed, Digest};
use portcullis_engine::require_wasm;
use portcullis_files::{Disk as _, NewAccess, ReadError, SystemDisk};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::languages::{self, Texts};
use crate::paths::Paths;

use statement::{STATEMENT, STATEMENT_WITH_TEXTS};
pub use statement::{SignedFiles, Statement};

/// First bytes of the signed text. They prevent that a signature made for another purpose fits a
/// module.
const PURPOSE: &[u8] = b"portcullis policy module, version 1\n";
/// First bytes of the section, up to the signer: its id, its length in LEB128, the length of its
/// name and the name.
const HEAD: &[u8] = b"\x00\x8d\x01\x14portcullis:signature";
/// First bytes of the signed text for a signature with a statement, in place of [`PURPOSE`].
const PURPOSE_OF_STATEMENT: &[u8] = b"portcullis policy module, version 2\n";
/// First bytes of a section with a statement, in place of [`HEAD`].
const HEAD_OF_STATEMENT: &[u8] = b"\x00\xd6\x01\x14portcullis:signature";
/// First bytes of the signed text for a statement about policy texts too, in place of [`PURPOSE`].
const PURPOSE_WITH_TEXTS: &[u8] = b"portcullis policy module, version 3\n";
/// First bytes of a section with a statement about policy texts too, in place of [`HEAD`].
const HEAD_WITH_TEXTS: &[u8] = b"\x00\xf6\x01\x14portcullis:signature";
/// Size of a public nkey as text, in bytes.
const KEY: usize = 56;
/// Size of an Ed25519 signature, in bytes.
const SIGNATURE: usize = 64;
/// Maximum size of a module to sign, in bytes.
const MAX_MODULE: u64 = 1 << 30;

/// The public nkey of a publisher whose modules are trusted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Publisher(String);

/// An error of a text that is not a public nkey.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a public nkey, such as an account's (`A…`)")]
pub struct InvalidPublisher;

/// The reason why a module has no valid signature of a trusted publisher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The module has no signature.
    #[error(
        "not signed, and only modules of trusted publishers are loaded: sign it with `portcullis policy sign`"
    )]
    Unsigned,
    /// The signer is not a trusted publisher.
    #[error("signed by `{0}`, which is not among `trusted-publishers` under [policies]")]
    Untrusted(Publisher),
    /// The signature does not match the bytes of the module.
    #[error("the signature of `{0}` does not fit: the module was changed after it was signed")]
    Broken(Publisher),
    /// A file that the signature covers has changed.
    #[error(
        "the signature of `{publisher}` covers the {file} next to it, which were changed after it was signed: sign it again with \
         `portcullis policy sign --with-settings`"
    )]
    Changed {
        /// The signer.
        publisher: Publisher,
        /// The kind of the changed file.
        file: &'static str,
    },
    /// A version with a higher number has served.
    #[error(
        "signed as version {number}, and version {newest} has served: sign it with a higher `--version`, or go back with \
         `portcullis policy rollback`"
    )]
    Older {
        /// The number of the rejected version; 0 if the signature has none.
        number: u64,
        /// The highest number that has served.
        newest: u64,
    },
    /// Another module with this number has served.
    #[error(
        "signed as version {number}, and another module of that number has served: sign it with a higher `--version`"
    )]
    NumberUsed {
        /// The number of both modules.
        number: u64,
    },
    /// The signer's key is not a public nkey.
    #[error("signed by what is not a public nkey: sign it again with `portcullis policy sign`")]
    Malformed,
}

/// The reason why a module could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key has no seed.
    #[error("cannot sign with this key")]
    Key(#[source] nkeys::error::Error),
    /// The file is not a WebAssembly module.
    #[error("`{}` is not a WebAssembly module: it does not start with `\\0asm`", .0.display())]
    NotWasm(PathBuf),
    /// The file cannot be read or replaced.
    #[error("cannot sign `{}`", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Publisher {
    /// Returns the public nkey as text.
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

/// A valid signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The signer.
    pub publisher: Publisher,
    /// The signer's statement about the version.
    pub statement: Statement,
}

/// A signed module, split into the module and the parts of its signature section.
struct Parts<'a> {
    module: &'a [u8],
    signer: &'a [u8],
    /// The encoded statement. Empty if the section has none.
    statement: &'a [u8],
    signature: &'a [u8],
}

fn parts(bytes: &[u8]) -> Option<Parts<'_>> {
    let section = |head: &[u8], statement| {
        let length = head
            .len()
            .saturating_add(KEY + SIGNATURE)
            .saturating_add(statement);
        let (module, section) = bytes.split_at_checked(bytes.len().checked_sub(length)?)?;
        let (signer, rest) = section.strip_prefix(head)?.split_at_checked(KEY)?;
        let (statement, signature) = rest.split_at_checked(statement)?;
        Some(Parts {
            module,
            signer,
            statement,
            signature,
        })
    };
    section(HEAD_WITH_TEXTS, STATEMENT_WITH_TEXTS)
        .or_else(|| section(HEAD_OF_STATEMENT, STATEMENT))
        .or_else(|| section(HEAD, 0))
}

fn message(module: &[u8], statement: &[u8]) -> Vec<u8> {
    let purpose = match statement.len() {
        0 => PURPOSE,
        STATEMENT => PURPOSE_OF_STATEMENT,
        _ => PURPOSE_WITH_TEXTS,
    };
    [purpose, Sha256::digest(module).as_slice(), statement].concat()
}

/// Returns the module with the signature of `key` at its end. Replaces an earlier signature.
///
/// # Errors
///
/// Fails if `key` has no seed.
pub fn sign(module: &[u8], key: &KeyPair) -> Result<Vec<u8>, SignError> {
    sign_stating(module, key, Statement::default())
}

/// Signs a module like [`sign`], with a statement about the version.
///
/// # Errors
///
/// Fails if `key` has no seed.
pub fn sign_stating(
    module: &[u8],
    key: &KeyPair,
    statement: Statement,
) -> Result<Vec<u8>, SignError> {
    let module = parts(module).map_or(module, |parts| parts.module);
    // Older hosts, which know no statements, load a module without one.
    let (head, statement) = if statement == Statement::default() {
        (HEAD, Vec::new())
    } else if statement.files.and_then(|files| files.texts).is_some() {
        (HEAD_WITH_TEXTS, statement.encode())
    } else {
        (HEAD_OF_STATEMENT, statement.encode())
    };
    let signature = key.sign(&message(module, &statement));
    let signature = signature.map_err(SignError::Key)?;
    let signer = key.public_key();
    Ok([module, head, signer.as_bytes(), &statement, &signature].concat())
}

/// Signs the module in a file, and replaces the file atomically.
///
/// # Errors
///
/// Fails if the file is not a module, if it cannot be read or replaced, or if `key` has no seed.
pub fn sign_file(path: &Path, key: &KeyPair) -> Result<(), SignError> {
    sign_version(path, key, 0, false)
}

/// Signs a file like [`sign_file`], as the version `number`; 0 means no number. If `with_files` is
/// `true`, the signature also covers the settings, tests and texts next to the module.
///
/// # Errors
///
/// Fails like [`sign_file`], and if one of these files cannot be read.
pub fn sign_version(
    path: &Path,
    key: &KeyPair,
    number: u64,
    with_files: bool,
) -> Result<(), SignError> {
    let failed = |source| SignError::File {
        path: path.to_owned(),
        source,
    };
    let module = SystemDisk.read(path, MAX_MODULE);
    let module = module.map_err(|error| failed(error.into()))?.bytes;
    if require_wasm(&module).is_err() {
        return Err(SignError::NotWasm(path.to_owned()));
    }
    let paths = Paths::from_module(path.to_owned());
    let files = with_files.then(|| {
        let digest = |path: &Path| match SystemDisk.read(path, MAX_MODULE) {
            Ok(content) => Ok(Some(Digest::from_bytes(
                Sha256::digest(content.bytes).into(),
            ))),
            Err(ReadError::Missing) => Ok(None),
            Err(error) => Err(SignError::File {
                path: path.to_owned(),
                source: error.into(),
            }),
        };
        let mut texts: Texts<Option<Digest>> = Default::default();
        for (text, path) in texts.iter_mut().zip(&paths.texts) {
            *text = digest(path)?;
        }
        Ok(SignedFiles {
            settings: digest(&paths.settings)?,
            tests: digest(&paths.tests)?,
            texts: languages::digest(texts),
        })
    });
    let files: Result<_, SignError> = files.transpose();
    let files = files?;
    let signed = sign_stating(&module, key, Statement { number, files })?;
    let (directory, name) = SystemDisk.open_parent(path).map_err(failed)?;
    directory
        .replace(name, &signed, NewAccess::Inherited)
        .map_err(failed)
}

/// Returns the signer of a module. `None` if the module has no signature.
///
/// # Errors
///
/// Fails if the signature is invalid.
pub fn signer(bytes: &[u8]) -> Result<Option<Publisher>, SignatureError> {
    Ok(signature(bytes)?.map(|signature| signature.publisher))
}

/// Returns the signature of a module. `None` if the module has no signature.
///
/// # Errors
///
/// Fails if the signature is invalid.
pub fn signature(bytes: &[u8]) -> Result<Option<Signature>, SignatureError> {
    let Some(parts) = parts(bytes) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(parts.signer).map_err(|_| SignatureError::Malformed)?;
    let publisher: Publisher = text.parse().map_err(|_| SignatureError::Malformed)?;
    let fits = KeyPair::from_public_key(text)
        .and_then(|key| key.verify(&message(parts.module, parts.statement), parts.signature));
    if fits.is_err() {
        return Err(SignatureError::Broken(publisher));
    }
    let statement = match parts.statement {
        [] => Statement::default(),
        bytes => Statement::decode(bytes).ok_or(SignatureError::Malformed)?,
    };
    Ok(Some(Signature {
        publisher,
        statement,
    }))
}

/// Checks that one of `trusted` signed a module, and that the covered files have the digests in
/// `files`. Accepts every module if `trusted` is `Any`.
pub(crate) fn check(
    bytes: &[u8],
    files: SignedFiles,
    trusted: &Allowed<Publisher>,
) -> Result<(), SignatureError> {
    if trusted.is_any() {
        return Ok(());
    }
    let Some(signature) = signature(bytes)? else {
        return Err(SignatureError::Unsigned);
    };
    let publisher = signature.publisher;
    if !trusted.allows(Some(&publisher)) {
        return Err(SignatureError::Untrusted(publisher));
    }
    let Some(signed) = signature.statement.files else {
        return Ok(());
    };
    let covered = [
        ("settings", signed.settings == files.settings),
        ("tests", signed.tests == files.tests),
        ("policy texts", signed.texts == files.texts),
    ];
    match covered.into_iter().find(|(_, is_same)| !is_same) {
        Some((file, _)) => Err(SignatureError::Changed { publisher, file }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
