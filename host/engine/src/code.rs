//! Compiled code from outside this process's compiler, authenticated before wasmtime receives it.

use std::hash::{Hash as _, Hasher};

use aws_lc_rs::{digest, hmac};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Size of the HMAC at the end of sealed bytes.
const TAG_BYTES: usize = 32;

/// Bytes whose HMAC-SHA256 is verified.
///
/// INVARIANT: only [`Authentic::verify`] makes a value from bytes. All other functions take a part
/// of one.
#[derive(Clone, Copy)]
pub(crate) struct Authentic<'a>(&'a [u8]);

impl<'a> Authentic<'a> {
    /// Returns the sealed bytes without their tag. `None` if the tag does not match `key` and the
    /// bytes.
    pub(crate) fn verify(key: &hmac::Key, sealed: &'a [u8]) -> Option<Self> {
        let end = sealed.len().checked_sub(TAG_BYTES)?;
        let (signed, tag) = sealed.split_at_checked(end)?;
        hmac::verify(key, signed, tag).ok()?;
        Some(Self(signed))
    }

    /// Returns the bytes after `prefix`. `None` if they begin with something else.
    pub(crate) fn after(self, prefix: &[u8]) -> Option<Self> {
        self.0.strip_prefix(prefix).map(Self)
    }

    /// Returns the first `length` bytes, and the rest.
    pub(crate) fn split(self, length: usize) -> Option<(&'a [u8], Self)> {
        let (head, rest) = self.0.split_at_checked(length)?;
        Some((head, Self(rest)))
    }

    pub(crate) const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Passes the bytes to wasmtime as the code of a component.
    #[expect(
        unsafe_code,
        reason = "wasmtime has no safe way to take compiled code back; `Authentic` is made in one place, after the check of the HMAC"
    )]
    pub(crate) fn deserialize(self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` requires unchanged bytes of `Component::serialize`. The HMAC-SHA256
        // over exactly these bytes is verified. Only processes of this program know its key, and
        // they seal only what `serialize` returns. The bytes are borrowed for the call, so they
        // cannot change after the check, and wasmtime copies them. wasmtime itself checks that they
        // are for this release, these settings and this processor.
        unsafe { Component::deserialize(engine, self.0) }
    }
}

/// The origin of compiled code: its component, and the engine it was compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeName {
    /// SHA-256 of the component.
    pub(crate) component: [u8; 32],
    /// SHA-256 of everything about the engine on which code depends.
    pub(crate) compatibility: [u8; 32],
}

impl CodeName {
    pub(crate) fn new(engine: &Engine, component: &[u8]) -> Self {
        Self {
            component: sha256(&[component]),
            compatibility: compatibility(engine),
        }
    }

    /// Returns the name for a component made from the module with the digest `module`. Code that
    /// one module led to is then never used for another module.
    pub(crate) fn within(&self, module: &[u8; 32]) -> Self {
        Self {
            component: sha256(&[module, &self.component]),
            ..*self
        }
    }

    /// Returns the name as bytes, for [`from_bytes`](Self::from_bytes).
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (component, compatibility) = bytes.split_at_mut(32);
        component.copy_from_slice(&self.component);
        compatibility.copy_from_slice(&self.compatibility);
        bytes
    }

    /// Takes a name off the beginning of `bytes`, and returns it with the rest. `None` if there are
    /// too few bytes.
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

/// Returns a digest of everything about an engine on which compiled code depends: wasmtime's
/// release, settings, processor.
pub(crate) fn compatibility(engine: &Engine) -> [u8; 32] {
    let mut sum = Sum(digest::Context::new(&digest::SHA256));
    engine.precompile_compatibility_hash().hash(&mut sum);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(sum.0.finish().as_ref());
    bytes
}

/// A SHA-256 digest that implements the standard library's hashing trait.
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
