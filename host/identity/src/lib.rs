//! Proves what a client presented.
//!
//! - [`Identifier`]: who asks, in one form for everything that a client can present.
//! - [`PasswordVerifier`]: compares passwords and tokens with their stored hashes, within limits on
//!   cost and on how many are computed at once. It also verifies nkey signatures and reads certificates.
//! - [`certificate_expiry`]: when a client's certificate ends, so that no login outlasts it.
//! - [`hash_password`] and [`hash_token`]: make such hashes.
//!
//! Hashes block and burn CPU time: callers compute them away from async threads.

mod certificate;
mod hashing;
mod identifier;
mod nkey;
mod stored_hash;
mod verifier;
mod workers;

pub use certificate::certificate_expiry;
pub use hashing::{CannotHash, hash_password, hash_token};
pub use identifier::Identifier;
pub use verifier::PasswordVerifier;
