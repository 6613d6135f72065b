//! Transfer of a policy between processes: compiled code with its metadata, authenticated.

use std::num::NonZeroU32;
use std::sync::Arc;

use portcullis_core::PolicyName;
use serde::{Deserialize, Serialize};

use super::{Policy, check};
use crate::code::{Authentic, compatibility, seal};
use crate::engine::Engine;
use crate::instance_pool::InstancePool;
use crate::limits::{Grants, Limits};
use crate::load::LoadError;
use crate::text::one_line;
use crate::transfer_key::TransferKey;

/// First bytes of a policy in transfer, with the version of the layout. The digest of the engine
/// (32 bytes) and the length of the metadata (4 bytes) follow. Then come the metadata as JSON, the
/// code and the HMAC.
const MAGIC: &[u8] = b"portcullis policy, 1\n";

/// The metadata of a policy's code.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct About {
    limits: Limits,
    grants: Grants,
    settings: Option<String>,
    decisions: Option<NonZeroU32>,
}

impl Policy {
    /// Returns this policy's code and metadata, sealed with `key`, for
    /// [`take_over`](Self::take_over) in another process.
    ///
    /// # Errors
    ///
    /// Fails if the code cannot be serialized.
    pub fn hand_over(&self, key: &TransferKey) -> Result<Vec<u8>, LoadError> {
        let about = About {
            limits: self.limits,
            grants: self.grants.clone(),
            settings: self.settings.as_deref().map(str::to_owned),
            decisions: self.pool.as_ref().map(InstancePool::decisions),
        };
        let component = self.pre.instance_pre().component();
        let code = component
            .serialize()
            .map_err(|error| LoadError::compile(&error))?;
        sealed(key, &compatibility(self.engine.wasmtime()), &about, &code)
    }

    /// Links a policy that another process has loaded, without parsing, compiling or configuring
    /// it. `name` is for its log lines.
    ///
    /// # Errors
    ///
    /// Fails if `sealed` was not sealed with `key`, is for another engine, or needs limits or
    /// grants that this host does not give.
    pub fn take_over(
        engine: &Engine,
        name: &PolicyName,
        key: &TransferKey,
        sealed: &[u8],
    ) -> Result<Self, LoadError> {
        let (about, code) = opened(key, &compatibility(engine.wasmtime()), sealed)?;
        check(engine, &about.limits, &about.grants)?;
        let component = code
            .deserialize(engine.wasmtime())
            .map_err(|error| refused(&one_line(&format!("{error:#}"))))?;
        super::overrun::prepare();
        let mut policy = Self::link_compiled(engine, name, &component, about.limits, about.grants)?;
        policy.settings = about.settings.map(Arc::from);
        // The other process has instantiated it in its own engine. A slot of this engine's pool may
        // still be too small.
        policy.instantiate_once(about.limits.deadline)?;
        Ok(match about.decisions {
            Some(decisions) => policy.reusing(decisions),
            None => policy,
        })
    }
}

/// Seals `code` and what belongs to it for an engine with this digest.
fn sealed(
    key: &TransferKey,
    compatibility: &[u8; 32],
    about: &About,
    code: &[u8],
) -> Result<Vec<u8>, LoadError> {
    let about = serde_json::to_vec(about).map_err(|error| not_taken(&error))?;
    let length = u32::try_from(about.len()).map_err(|error| not_taken(&error))?;
    let header = [MAGIC, compatibility, &length.to_le_bytes(), &about].concat();
    Ok(seal(key.hmac(), header, code))
}

/// Opens what [`sealed`] returned for an engine with the same digest.
fn opened<'a>(
    key: &TransferKey,
    compatibility: &[u8; 32],
    sealed: &'a [u8],
) -> Result<(About, Authentic<'a>), LoadError> {
    let signed = Authentic::verify(key.hmac(), sealed);
    let signed = signed.ok_or_else(|| refused("it is not authentic"))?;
    let rest = signed.after(MAGIC);
    let rest = rest.ok_or_else(|| refused("it has another layout"))?;
    let rest = rest.after(compatibility);
    let rest = rest.ok_or_else(|| refused("it was compiled for another engine"))?;
    let (about, code) = rest
        .split(4)
        .and_then(|(length, rest)| {
            let length = u32::from_le_bytes(length.try_into().ok()?);
            rest.split(usize::try_from(length).ok()?)
        })
        .ok_or_else(|| refused("it is cut short"))?;
    let about = serde_json::from_slice(about).map_err(|error| not_taken(&error))?;
    Ok((about, code))
}

fn refused(reason: &str) -> LoadError {
    LoadError::NotTakenOver(reason.to_owned())
}

fn not_taken(error: &dyn std::error::Error) -> LoadError {
    refused(&one_line(&error.to_string()))
}

/// What fuzz targets need and no other code may have.
#[cfg(feature = "fuzzing")]
pub mod fuzzing {
    use super::{About, TransferKey, opened, sealed};
    use crate::code::seal;

    /// A key that is the same in every run.
    pub fn key() -> TransferKey {
        TransferKey::from_bytes([7; 32])
    }

    /// Digest of an engine that does not exist.
    const ENGINE: [u8; 32] = [9; 32];

    /// Returns the bytes that precede metadata of this length.
    pub fn head(length: u32) -> Vec<u8> {
        [super::MAGIC, &ENGINE, &length.to_le_bytes()].concat()
    }

    /// Seals any bytes, as a child could that was taken over.
    pub fn seal_any(bytes: &[u8]) -> Vec<u8> {
        seal(key().hmac(), bytes.to_vec(), &[])
    }

    /// Opens sealed bytes and returns the same sealed again, and the length of the code.
    ///
    /// # Errors
    ///
    /// The reason for which a host refuses them, in one line.
    pub fn reopen(bytes: &[u8]) -> Result<(Vec<u8>, usize), String> {
        let told = |error: crate::LoadError| error.to_string();
        let (about, code) = opened(&key(), &ENGINE, bytes).map_err(told)?;
        let about: About = about;
        about.limits.check().map_err(told)?;
        let again = sealed(&key(), &ENGINE, &about, code.bytes()).map_err(told)?;
        Ok((again, code.bytes().len()))
    }
}
