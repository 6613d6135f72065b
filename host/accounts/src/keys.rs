//! Seeds on disk, by public key, apart from the JWTs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use portcullis_claims::{CurveKey, KeyError, SigningKey, seed_from_bytes};
use portcullis_core::{KeyKind, PublicKey, Secret};
use portcullis_files::Disk;

use crate::error::StoreError;
use crate::records::{Records, damaged};

/// A seed of any kind, with its public key. `Debug` shows the public key only.
pub struct Seed {
    /// Public key of the seed.
    pub public: PublicKey,
    secret: Secret,
}

/// Seeds in a directory, one file `PUBLIC-KEY.nk` for each.
#[derive(Clone, Debug)]
pub struct KeyRing {
    records: Records,
}

impl Seed {
    /// Generates a seed.
    ///
    /// # Errors
    ///
    /// Fails if no random bytes are available.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let secret = match kind {
            KeyKind::Curve => CurveKey::generate_seed()?,
            _ => SigningKey::generate_seed(kind)?,
        };
        let public = public_key(secret.expose(), kind)?;
        Ok(Self { public, secret })
    }

    /// Makes a seed of 32 secret bytes.
    ///
    /// # Errors
    ///
    /// Fails if the key library refuses the bytes.
    pub fn from_bytes(kind: KeyKind, bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let secret = seed_from_bytes(kind, bytes);
        let public = public_key(secret.expose(), kind)?;
        Ok(Self { public, secret })
    }

    /// Parses a seed of any kind, as in a file. Ignores line ends, a byte order mark, blank lines
    /// and lines that begin with `#`.
    ///
    /// # Errors
    ///
    /// Fails if the text has no seed. The message says what it has instead and never shows the
    /// seed.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut first = None;
        for kind in KeyKind::ALL {
            match public_key(text, kind) {
                Ok(public) => {
                    let line = text.lines().map(str::trim).find(|line| is_seed(line, kind));
                    let secret = Secret::new(line.unwrap_or(text.trim()));
                    return Ok(Self { public, secret });
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or(KeyError::Generate))
    }

    /// Returns the seed itself, `S…`. Every call can leak it.
    pub fn expose(&self) -> &str {
        self.secret.expose()
    }

    /// Returns the key that signs.
    ///
    /// # Errors
    ///
    /// Fails with [`KeyError::CannotSign`] for curve keys.
    pub fn signer(&self) -> Result<SigningKey, KeyError> {
        SigningKey::from_seed(self.expose(), self.public.kind())
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Seed({})", self.public)
    }
}

impl KeyRing {
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: PathBuf) -> Self {
        Self {
            records: Records::new(disk, directory, "nk"),
        }
    }

    /// Returns the directory of the seeds.
    pub fn directory(&self) -> &Path {
        self.records.directory()
    }

    /// Returns the path of the file that has the seed of `public`.
    pub fn path(&self, public: &PublicKey) -> PathBuf {
        self.records.path(public.as_str())
    }

    pub(crate) fn remove_leftovers(&self, before: SystemTime) -> Result<(), StoreError> {
        self.records.remove_leftovers(before)
    }

    pub(crate) fn create(&self) -> Result<(), StoreError> {
        self.records.create()
    }

    /// Returns the seed of a public key. `None` if the store does not have it.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or if it has another seed.
    pub fn get(&self, public: &PublicKey) -> Result<Option<Seed>, StoreError> {
        let Some(text) = self.records.read(public.as_str())? else {
            return Ok(None);
        };
        let path = self.records.path(public.as_str());
        match Seed::parse(text.expose()) {
            Ok(seed) if seed.public == *public => Ok(Some(seed)),
            Ok(_) => Err(damaged(path, "it has the seed of another key")),
            Err(source) => Err(StoreError::Seed { path, source }),
        }
    }

    /// Returns the first seed that the store has.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NoSeed`] if the store has none of them.
    pub fn first_of(&self, wanted: &[&str]) -> Result<Seed, StoreError> {
        for key in wanted.iter().filter_map(|key| key.parse().ok()) {
            if let Some(seed) = self.get(&key)? {
                return Ok(seed);
            }
        }
        Err(StoreError::NoSeed {
            directory: self.directory().to_owned(),
            wanted: wanted.iter().map(ToString::to_string).collect(),
        })
    }

    /// Returns the public keys of the seeds that the store has.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be read.
    pub fn keys(&self) -> Result<Vec<PublicKey>, StoreError> {
        let names = self.records.names()?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Stores a seed.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn insert(&self, seed: &Seed) -> Result<(), StoreError> {
        // A store that was put together from files need not have the directory.
        self.create()?;
        self.records.write(seed.public.as_str(), seed.expose())
    }

    /// Generates and stores a seed.
    ///
    /// # Errors
    ///
    /// Fails if no random bytes are available, or if the file cannot be written.
    pub fn generate(&self, kind: KeyKind) -> Result<Seed, StoreError> {
        let seed = Seed::generate(kind)?;
        self.insert(&seed)?;
        Ok(seed)
    }

    /// Removes a seed. Succeeds if the store does not have it, and if the text is no public key:
    /// keys in JWTs can be any text, such as a path.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be removed.
    pub fn remove(&self, public: &str) -> Result<(), StoreError> {
        if public.parse::<PublicKey>().is_err() {
            return Ok(());
        }
        self.records.remove(public)
    }
}

fn public_key(text: &str, kind: KeyKind) -> Result<PublicKey, KeyError> {
    let public = match kind {
        KeyKind::Curve => CurveKey::from_seed(text)?.public_key().to_owned(),
        _ => SigningKey::from_seed(text, kind)?.public_key().to_owned(),
    };
    public.parse().map_err(|_| KeyError::Derive(kind))
}

fn is_seed(line: &str, kind: KeyKind) -> bool {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let mut letters = line.chars();
    letters.next() == Some('S') && letters.next() == Some(kind.letter())
}
