//! Compiled code, kept on disk, so that a restart does not compile what was compiled before.
//!
//! ```text
//! DIRECTORY/key                  32 random bytes, made at first use
//! DIRECTORY/COMPONENT-ENGINE     one entry: header, code, HMAC-SHA256 of both
//! ```
//!
//! An entry is named by what it was made from (the SHA-256 of the component) and by what it was made for (the SHA-256 of everything about
//! the engine that compiled code depends on: release of wasmtime, settings, processor). Its header repeats both, so that an entry
//! under another name is noticed.
//!
//! INVARIANT: no byte of an entry reaches wasmtime before its HMAC was found right. Entries are read into memory, never mapped: what is
//! checked is what is used, whatever becomes of the file.
//!
//! The component of a configured policy has its settings in it, password hashes included, and so has its code. That is why the
//! directory is the host user's alone.

mod private;

use std::fs::{self, File};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use aws_lc_rs::{digest, hmac};
use data_encoding::HEXLOWER;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::load::one_line;
use private::PrivateDirectory;

/// Where compiled code is kept, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeCacheOptions {
    /// A directory for this alone. It is made if it is not there; one that others can use is not used.
    pub directory: PathBuf,
    /// Most bytes in it. What was used least recently goes first.
    pub max_bytes: u64,
}

impl CodeCacheOptions {
    /// At most 512 MiB of code in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            max_bytes: 512 << 20,
        }
    }
}

/// What a cache of compiled code was good for, since the engine was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeCacheCounts {
    /// Components whose code was there.
    pub hits: u64,
    /// Components that were compiled.
    pub misses: u64,
    /// Entries that were not used, because this host did not write them so. Each is a miss too.
    pub refused: u64,
}

/// The cache of one engine. Others may use the directory at the same time.
#[derive(Debug)]
pub(crate) struct CodeCache {
    directory: PrivateDirectory,
    key: hmac::Key,
    max_bytes: u64,
    hits: AtomicU64,
    misses: AtomicU64,
    refused: AtomicU64,
    /// Whether an entry could not be written; that is said once, until one can.
    failed: AtomicBool,
}

/// Why an entry is not used.
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

/// The file that holds the key.
const KEY: &str = "key";
/// The first bytes of an entry, and with them the version of its layout.
const MAGIC: &[u8] = b"portcullis compiled code, 1\n";
const TAG_BYTES: usize = 32;

/// What an entry is for.
struct Header {
    /// How it begins.
    bytes: Vec<u8>,
    /// What its file is called.
    name: String,
}

impl Header {
    fn of(engine: &Engine, component: &[u8]) -> Self {
        let component = digest::digest(&digest::SHA256, component);
        let mut compatibility = Sum(digest::Context::new(&digest::SHA256));
        engine
            .precompile_compatibility_hash()
            .hash(&mut compatibility);
        let compatibility = compatibility.0.finish();
        let (component, compatibility) = (component.as_ref(), compatibility.as_ref());
        Self {
            bytes: [MAGIC, component, compatibility].concat(),
            name: format!(
                "{}-{}",
                HEXLOWER.encode(component),
                HEXLOWER.encode(compatibility)
            ),
        }
    }
}

/// A digest as the standard library's way to hash.
struct Sum(digest::Context);

impl Hasher for Sum {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let sum = self.0.clone().finish();
        let first = sum.as_ref().first_chunk().copied();
        u64::from_be_bytes(first.unwrap_or_default())
    }
}

impl CodeCache {
    /// The cache in a directory, if that can be trusted; none, and a word in the log, if not.
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

    /// The compiled component: from the cache, else compiled now and kept.
    pub(crate) fn compile(&self, engine: &Engine, component: &[u8]) -> wasmtime::Result<Component> {
        let header = Header::of(engine, component);
        let path = self.directory.path().join(&header.name);
        match self.read(engine, &header, &path) {
            Ok(Some(component)) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(component);
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
        let component = Component::from_binary(engine, component)?;
        self.keep(header, &path, &component);
        Ok(component)
    }

    /// The code of an entry; none if there is no entry.
    fn read(
        &self,
        engine: &Engine,
        header: &Header,
        path: &Path,
    ) -> Result<Option<Component>, Refusal> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(Refusal::Unreadable)?,
        };
        let mut entry = Vec::new();
        (&file)
            .take(self.max_bytes)
            .read_to_end(&mut entry)
            .map_err(Refusal::Unreadable)?;
        let code = self.authentic(header, &entry)?;
        let component = deserialize(engine, code)
            .map_err(|error| Refusal::Incompatible(one_line(&format!("{error:#}"))))?;
        // When it was used last, for `prune`. If that cannot be noted, it goes sooner.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(component))
    }

    /// The code in an entry that this cache has written for just this component and engine.
    fn authentic<'a>(&self, header: &Header, entry: &'a [u8]) -> Result<Authentic<'a>, Refusal> {
        let (signed, tag) = entry
            .len()
            .checked_sub(TAG_BYTES)
            .and_then(|end| entry.split_at_checked(end))
            .ok_or(Refusal::Unauthentic)?;
        hmac::verify(&self.key, signed, tag).map_err(|_| Refusal::Unauthentic)?;
        signed
            .strip_prefix(header.bytes.as_slice())
            .map(Authentic)
            .ok_or(Refusal::Misplaced)
    }

    fn keep(&self, header: Header, path: &Path, component: &Component) {
        match self.write(header, path, component) {
            Ok(()) => self.failed.store(false, Ordering::Relaxed),
            Err(error) if !self.failed.swap(true, Ordering::Relaxed) => tracing::warn!(
                file = %path.display(),
                error = format!("{error:#}"),
                "compiled code cannot be kept: the next start compiles it again"
            ),
            Err(_) => {}
        }
    }

    fn write(&self, header: Header, path: &Path, component: &Component) -> wasmtime::Result<()> {
        let mut entry = header.bytes;
        entry.extend(component.serialize()?);
        let tag = hmac::sign(&self.key, &entry);
        entry.extend(tag.as_ref());
        if u64::try_from(entry.len()).is_ok_and(|bytes| bytes > self.max_bytes) {
            // It would be all there is, and gone when the next one comes.
            return Ok(());
        }
        self.directory.replace(path, &entry)?;
        self.prune()?;
        Ok(())
    }

    /// Removes what was used least recently, until the rest is no more than there may be.
    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for file in fs::read_dir(self.directory.path())? {
            let file = file?;
            // One that is gone was removed by another engine.
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

/// Code that [`CodeCache::authentic`] has let through.
#[derive(Clone, Copy)]
struct Authentic<'a>(&'a [u8]);

#[expect(
    unsafe_code,
    reason = "wasmtime has no safe way to take compiled code back; `Authentic` is made in one place, after the check of the HMAC"
)]
fn deserialize(engine: &Engine, code: Authentic<'_>) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` asks for bytes that `Component::serialize` has made, unchanged. An HMAC-SHA256 over exactly these bytes was
    // found right, and its key is known to nobody but processes of this user that write what `serialize` gives them. The bytes are in
    // memory that is borrowed for the call, so nobody changes them after the check, and wasmtime copies them. That they are for this
    // release of wasmtime, with these settings and on this processor, wasmtime checks by itself.
    unsafe { Component::deserialize(engine, code.0) }
}
