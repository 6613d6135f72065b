//! Compiled code from outside this process's compiler: authenticated before wasmtime sees a byte of it.

use std::hash::{Hash as _, Hasher};

use aws_lc_rs::{digest, hmac};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Size of the HMAC at the end of sealed bytes.
const TAG_BYTES: usize = 32;

/// Bytes whose HMAC-SHA256 was found right.
///
/// INVARIANT: [`Authentic::verify`] is the only way to make one from bytes; everything else takes a part of one.
#[derive(Clone, Copy)]
pub(crate) struct Authentic<'a>(&'a [u8]);

impl<'a> Authentic<'a> {
    /// Returns what was sealed, without its tag; `None` if the tag does not fit `key` and the bytes.
    pub(crate) fn verify(key: &hmac::Key, sealed: &'a [u8]) -> Option<Self> {
        let end = sealed.len().checked_sub(TAG_BYTES)?;
        let (signed, tag) = sealed.split_at_checked(end)?;
        hmac::verify(key, signed, tag).ok()?;
        Some(Self(signed))
    }

    /// Returns what follows `prefix`; `None` if the bytes begin with something else.
    pub(crate) fn after(self, prefix: &[u8]) -> Option<Self> {
        self.0.strip_prefix(prefix).map(Self)
    }

    /// Returns the first `length` bytes, and what follows them.
    pub(crate) fn split(self, length: usize) -> Option<(&'a [u8], Self)> {
        let (head, rest) = self.0.split_at_checked(length)?;
        Some((head, Self(rest)))
    }

    pub(crate) const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Hands the bytes to wasmtime as the code of a component.
    #[expect(
        unsafe_code,
        reason = "wasmtime has no safe way to take compiled code back; `Authentic` is made in one place, after the check of the HMAC"
    )]
    pub(crate) fn deserialize(self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` asks for bytes that `Component::serialize` has made, unchanged. An HMAC-SHA256 over exactly
        // these bytes was found right, and its key is known only to processes of this program that seal what `serialize`
        // gives them. The bytes are in memory that is borrowed for the call, so they cannot change after the check, and
        // wasmtime copies them. wasmtime itself checks that they are for this release, these settings and this processor.
        unsafe { Component::deserialize(engine, self.0) }
    }
}

/// What compiled code was made from and for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeName {
    /// SHA-256 of the component.
    pub(crate) component: [u8; 32],
    /// SHA-256 of everything about the engine that code depends on.
    pub(crate) compatibility: [u8; 32],
}

impl CodeName {
    pub(crate) fn new(engine: &Engine, component: &[u8]) -> Self {
        Self {
            component: sha256(&[component]),
            compatibility: compatibility(engine),
        }
    }

    /// The same, of a component that was made of the module with the digest `module`: what is made of one module is never taken for
    /// what is made of another.
    pub(crate) fn within(&self, module: &[u8; 32]) -> Self {
        Self {
            component: sha256(&[module, &self.component]),
            ..*self
        }
    }

    /// The name as bytes, for [`from_bytes`](Self::from_bytes).
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (component, compatibility) = bytes.split_at_mut(32);
        component.copy_from_slice(&self.component);
        compatibility.copy_from_slice(&self.compatibility);
        bytes
    }

    /// Takes a name off the beginning of `bytes`; `None` if they are too few.
    pub fn from_bytes(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (component, rest) = bytes.split_first_chunk()?;
        let (compatibility, rest) = rest.split_first_chunk()?;
        let name = Self {
            component: *component,
            compatibility: *compatibility,
        };
        Some((name, rest))
    }
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut sum = digest::Context::new(&digest::SHA256);
    for part in parts {
        sum.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(sum.finish().as_ref());
    bytes
}

/// Appends `code` and the HMAC of both to `header`.
pub(crate) fn seal(key: &hmac::Key, header: Vec<u8>, code: &[u8]) -> Vec<u8> {
    let mut sealed = header;
    sealed.extend_from_slice(code);
    let tag = hmac::sign(key, &sealed);
    sealed.extend_from_slice(tag.as_ref());
    sealed
}

/// Returns a digest of everything about an engine that compiled code depends on: release of wasmtime, settings, processor.
pub(crate) fn compatibility(engine: &Engine) -> [u8; 32] {
    let mut sum = Sum(digest::Context::new(&digest::SHA256));
    engine.precompile_compatibility_hash().hash(&mut sum);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(sum.0.finish().as_ref());
    bytes
}

/// A SHA-256 digest behind the standard library's trait for hashing.
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
