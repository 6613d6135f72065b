//! PHC strings: argon2 and scrypt.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params as Argon2Params};
use portcullis_core::{HashError, Secret};
use scrypt::{Params as ScryptParams, Scrypt};

const ARGON2: &str = "argon2";
const SCRYPT: &str = "scrypt";

/// Maximum memory of one hash, in KiB: 256 MiB.
const MAX_MEMORY: u64 = 256 * 1024;
/// Maximum amount of memory that argon2 fills over all passes, in KiB: 1 GiB. This admits the three
/// passes over 256 MiB that libsodium calls moderate.
const MAX_ARGON2_WORK: u64 = 1024 * 1024;
/// Maximum amount of memory that scrypt fills over all lanes, in KiB: 512 MiB, four times what
/// OWASP recommends.
const MAX_SCRYPT_WORK: u64 = 512 * 1024;
/// Version 1.0 of argon2, which strings without a version have.
const ARGON2_OLDEST: u32 = 0x10;

/// An argon2 string whose form and cost are checked.
pub(crate) struct Argon2Hash(PasswordHash);

/// An scrypt string whose form and cost are checked.
pub(crate) struct ScryptHash(PasswordHash);

impl Argon2Hash {
    /// Parses the string.
    pub(crate) fn parse(hash: &str) -> Result<Self, HashError> {
        let malformed = HashError::Malformed(ARGON2);
        let mut hash = parse_complete(hash).ok_or(malformed)?;
        Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| malformed)?;
        let version = *hash.version.get_or_insert(ARGON2_OLDEST);
        argon2::Version::try_from(version).map_err(|_| malformed)?;
        let params = Argon2Params::try_from(&hash).map_err(|_| malformed)?;
        let memory = u64::from(params.m_cost());
        if memory > MAX_MEMORY || memory * u64::from(params.t_cost()) > MAX_ARGON2_WORK {
            return Err(HashError::TooCostly(ARGON2));
        }
        Ok(Self(hash))
    }

    /// Returns whether the string is the hash of `secret`.
    pub(crate) fn matches(&self, secret: &Secret) -> Result<bool, HashError> {
        verify(&Argon2::default(), secret, &self.0, ARGON2)
    }
}

impl ScryptHash {
    /// Parses the string.
    pub(crate) fn parse(hash: &str) -> Result<Self, HashError> {
        let malformed = HashError::Malformed(SCRYPT);
        let hash = parse_complete(hash).ok_or(malformed)?;
        check_scrypt_cost(&hash)?;
        ScryptParams::try_from(&hash).map_err(|_| malformed)?;
        Ok(Self(hash))
    }

    /// Returns whether the string is the hash of `secret`.
    pub(crate) fn matches(&self, secret: &Secret) -> Result<bool, HashError> {
        verify(&Scrypt::new(), secret, &self.0, SCRYPT)
    }
}

/// Parses a PHC string with salt and output. Without them, no comparison is possible.
fn parse_complete(hash: &str) -> Option<PasswordHash> {
    PasswordHash::new(hash)
        .ok()
        .filter(|hash| hash.salt.is_some() && hash.hash.is_some())
}

/// Checks the cost before `ScryptParams` reads the numbers, because it multiplies them without an
/// overflow check.
fn check_scrypt_cost(hash: &PasswordHash) -> Result<(), HashError> {
    let number = |name, default: u32| match hash.params.get(name) {
        None => Ok(u64::from(default)),
        Some(value) => value
            .decimal()
            .map(u64::from)
            .map_err(|_| HashError::Malformed(SCRYPT)),
    };
    let log_n = number("ln", ScryptParams::RECOMMENDED_LOG_N.into())?;
    let block_size = number("r", ScryptParams::RECOMMENDED_R)?;
    let lanes = number("p", ScryptParams::RECOMMENDED_P)?;
    // 128 bytes for each of the 2^ln * r cells, in KiB.
    let work = u32::try_from(log_n)
        .ok()
        .and_then(|log_n| 1_u64.checked_shl(log_n))
        .and_then(|cells| cells.checked_mul(block_size))
        .map(|cells| cells.div_ceil(8))
        .filter(|memory| *memory <= MAX_MEMORY)
        .and_then(|memory| memory.checked_mul(lanes))
        .filter(|work| *work <= MAX_SCRYPT_WORK);
    match work {
        Some(_) => Ok(()),
        None => Err(HashError::TooCostly(SCRYPT)),
    }
}

/// Computes a hash and compares it in constant time.
fn verify<H: PasswordVerifier<PasswordHash>>(
    hasher: &H,
    secret: &Secret,
    hash: &PasswordHash,
    name: &'static str,
) -> Result<bool, HashError> {
    match hasher.verify_password(secret.expose().as_bytes(), hash) {
        Ok(()) => Ok(true),
        Err(Error::PasswordInvalid) => Ok(false),
        Err(Error::OutOfMemory) => Err(HashError::TooCostly(name)),
        Err(_) => Err(HashError::Malformed(name)),
    }
}

impl fmt::Debug for Argon2Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Argon2Hash([redacted])")
    }
}

impl fmt::Debug for ScryptHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ScryptHash([redacted])")
    }
}
