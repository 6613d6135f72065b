//! A disk cache of compiled code, so that a restart does not compile again.
//!
//! ```text
//! DIRECTORY/key                  32 random bytes, made at first use
//! DIRECTORY/COMPONENT-ENGINE     one entry: header, code, HMAC-SHA256 of both
//! ```
//!
//! The name of an entry has two SHA-256 digests: one of the component, and one of everything about
//! the engine on which code depends. The latter is wasmtime's release, its settings and the
//! processor. The header repeats both, so that an entry under a wrong name is detected.
//!
//! INVARIANT: wasmtime receives no byte of an entry before its HMAC is verified. Entries are read
//! into memory and never mapped, so a later change of the file has no effect on the verified bytes.
//!
//! The component of a configured policy contains its settings, password hashes included, and so
//! does its code. Therefore only the host's user has access to the directory.

mod private;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::code::{Authentic, CodeName, seal};
use crate::text::one_line;
use private::PrivateDirectory;

/// The directory of the code cache, and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeCacheOptions {
    /// Directory for this cache alone. The host creates it if it is missing, and does not use one
    /// that other users can access.
    pub directory: PathBuf,
    /// Maximum size, in bytes. The least recently used entries are evicted first. Default: 512 MiB.
    pub max_bytes: u64,
}

impl CodeCacheOptions {
    /// Returns options for a cache of at most 512 MiB in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            max_bytes: 512 << 20,
        }
    }
}

/// Counters of a code cache since the engine was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeCacheCounts {
    /// Number of components whose code was in the cache.
    pub hits: u64,
    /// Number of components that were not in the cache, so that they were compiled.
    pub misses: u64,
    /// Number of entries that were rejected, because this host did not write them in this form.
    /// Each counts as a miss too.
    pub refused: u64,
}

/// The code cache of one engine. Other engines may use the directory at the same time.
#[derive(Debug)]
pub(crate) struct CodeCache {
    directory: PrivateDirectory,
    key: hmac::Key,
    max_bytes: u64,
    hits: AtomicU64,
    misses: AtomicU64,
    refused: AtomicU64,
    /// Whether the last write of an entry failed. The failure is logged once until a write
    /// succeeds.
    failed: AtomicBool,
}

/// A reason why an entry is not used.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    #[error("it is damaged, or was not written by a host with the key in this directory")]
    Unauthentic,
    #[error("it is the code of another module, or for another engine")]
    Misplaced,
    #[error("wasmtime does not take it: {0}")]
    Incompatible(String),
}

/// Name of the file with the key.
const KEY: &str = "key";
/// First bytes of an entry, with the version of its layout.
const MAGIC: &[u8] = b"portcullis compiled code, 1\n";

/// The header of an entry.
struct Header {
    /// Header in bytes.
    bytes: Vec<u8>,
    /// Name of the entry's file.
    name: String,
}

impl Header {
    fn new(name: &CodeName) -> Self {
        let CodeName {
            component,
            compatibility,
        } = name;
        Self {
            bytes: [MAGIC, component.as_slice(), compatibility].concat(),
            name: format!(
                "{}-{}",
                HEXLOWER.encode(component),
                HEXLOWER.encode(compatibility)
            ),
        }
    }
}

impl CodeCache {
    /// Opens the cache in a directory that can be trusted. `None`, with a line in the log, if the
    /// directory cannot be trusted.
    pub(crate) fn open(options: &CodeCacheOptions) -> Option<Self> {
        let opened = PrivateDirectory::open(&options.directory)
            .and_then(|directory| Ok((directory.secret(KEY)?, directory)));
        match opened {
            Ok((key, directory)) => Some(Self {
                directory,
                key: hmac::Key::new(hmac::HMAC_SHA256, &key),
                max_bytes: options.max_bytes,
                hits: AtomicU64::new(0),
                misses: AtomicU64::new(0),
                refused: AtomicU64::new(0),
                failed: AtomicBool::new(false),
            }),
            Err(error) => {
                tracing::warn!(
                    directory = %options.directory.display(),
                    error = %error,
                    "no cache of compiled code: every start compiles every policy"
                );
                None
            }
        }
    }

    pub(crate) fn counts(&self) -> CodeCacheCounts {
        CodeCacheCounts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Returns the compiled component, from the cache if possible. Otherwise compiles it and stores
    /// the code.
    pub(crate) fn compile(&self, engine: &Engine, component: &[u8]) -> wasmtime::Result<Component> {
        let header = Header::new(&CodeName::new(engine, component));
        let found = self.look_up(&header, |code| {
            code.deserialize(engine)
                .map_err(|error| Refusal::Incompatible(one_line(&format!("{error:#}"))))
        });
        if let Some(component) = found {
            return Ok(component);
        }
        let component = Component::from_binary(engine, component)?;
        self.keep(header, component.serialize());
        Ok(component)
    }

    /// Returns the code of `name` that a child has compiled from the module with the digest
    /// `module`.
    pub(crate) fn lend(&self, module: &[u8; 32], name: &CodeName) -> Option<Vec<u8>> {
        let header = Header::new(&name.within(module));
        self.look_up(&header, |code| Ok(code.bytes().to_vec()))
    }

    /// Stores code that a child has compiled from the module with the digest `module`.
    pub(crate) fn take_back(&self, module: &[u8; 32], name: &CodeName, code: Vec<u8>) {
        self.keep(Header::new(&name.within(module)), Ok(code));
    }

    /// Looks up an entry and applies `take` to its code. `None` if the entry is missing or
    /// rejected. Counts the result.
    fn look_up<T>(
        &self,
        header: &Header,
        take: impl FnOnce(Authentic<'_>) -> Result<T, Refusal>,
    ) -> Option<T> {
        let path = self.directory.path().join(&header.name);
        match self.read(header, &path, take) {
            Ok(Some(found)) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Some(found);
            }
            Ok(None) => {}
            Err(refusal) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    file = %path.display(),
                    error = %refusal,
                    "compiled code is not used and is replaced"
                );
            }
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Reads an entry and applies `take` to its code. `None` if the entry is missing.
    fn read<T>(
        &self,
        header: &Header,
        path: &Path,
        take: impl FnOnce(Authentic<'_>) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(Refusal::Unreadable)?,
        };
        let mut entry = Vec::new();
        (&file)
            .take(self.max_bytes)
            .read_to_end(&mut entry)
            .map_err(Refusal::Unreadable)?;
        let entry = Authentic::verify(&self.key, &entry).ok_or(Refusal::Unauthentic)?;
        let taken = take(entry.after(&header.bytes).ok_or(Refusal::Misplaced)?)?;
        // The modification time records the last use, for `prune`. If it cannot be set, the entry
        // is evicted sooner.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(taken))
    }

    fn keep(&self, header: Header, code: wasmtime::Result<Vec<u8>>) {
        let path = self.directory.path().join(&header.name);
        match code.and_then(|code| self.write(header, &code)) {
            Ok(()) => self.failed.store(false, Ordering::Relaxed),
            Err(error) if !self.failed.swap(true, Ordering::Relaxed) => tracing::warn!(
                file = %path.display(),
                error = format!("{error:#}"),
                "compiled code cannot be kept: the next start compiles it again"
            ),
            Err(_) => {}
        }
    }

    fn write(&self, header: Header, code: &[u8]) -> wasmtime::Result<()> {
        let Header { name, bytes } = header;
        let entry = seal(&self.key, bytes, code);
        if u64::try_from(entry.len()).is_ok_and(|bytes| bytes > self.max_bytes) {
            // The entry alone exceeds the limit, so `prune` would remove it at once.
            return Ok(());
        }
        self.directory.replace(&name, &entry)?;
        self.prune()?;
        Ok(())
    }

    /// Evicts the least recently used entries until the size is within the limit.
    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for file in fs::read_dir(self.directory.path())? {
            let file = file?;
            // A missing file was removed by another engine.
            if file.file_name() != KEY
                && let Ok(about) = file.metadata()
            {
                let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                files.push((used, about.len(), file.path()));
            }
        }
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size, path) in files {
            if bytes <= self.max_bytes {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => bytes = bytes.saturating_sub(size),
            }
        }
        Ok(())
    }
}
