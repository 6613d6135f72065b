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
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::code::{Authentic, CodeName, seal};
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

/// What an entry is for.
struct Header {
    /// How it begins.
    bytes: Vec<u8>,
    /// What its file is called.
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

    /// Returns the code of `name` that a child has compiled from the module with the digest `module`.
    pub(crate) fn lend(&self, module: &[u8; 32], name: &CodeName) -> Option<Vec<u8>> {
        let header = Header::new(&name.within(module));
        self.look_up(&header, |code| Ok(code.bytes().to_vec()))
    }

    /// Keeps what a child has compiled from the module with the digest `module`.
    pub(crate) fn take_back(&self, module: &[u8; 32], name: &CodeName, code: Vec<u8>) {
        self.keep(Header::new(&name.within(module)), Ok(code));
    }

    /// What `take` makes of the code of an entry; `None` if there is no entry, or it is not used. Counts either.
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

    /// What `take` makes of the code of an entry; none if there is no entry.
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
        // When it was used last, for `prune`. If that cannot be noted, it goes sooner.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(taken))
    }

    fn keep(&self, header: Header, code: wasmtime::Result<Vec<u8>>) {
        let path = self.directory.path().join(&header.name);
        match code.and_then(|code| self.write(header, &path, &code)) {
            Ok(()) => self.failed.store(false, Ordering::Relaxed),
            Err(error) if !self.failed.swap(true, Ordering::Relaxed) => tracing::warn!(
                file = %path.display(),
                error = format!("{error:#}"),
                "compiled code cannot be kept: the next start compiles it again"
            ),
            Err(_) => {}
        }
    }

    fn write(&self, header: Header, path: &Path, code: &[u8]) -> wasmtime::Result<()> {
        let entry = seal(&self.key, header.bytes, code);
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
