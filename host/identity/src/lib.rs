//! Proves what a client presented.
//!
//! - [`PasswordVerifier`]: compares passwords and tokens with their stored hashes, within limits on
//!   cost and on how many are computed at once. It also verifies nkey signatures and reads certificates.
//! - [`certificate_expiry`]: when a client's certificate ends, so that no login outlasts it.
//! - [`hash_password`] and [`hash_token`]: make such hashes.
//!
//! Everything here blocks and burns CPU time: callers run it away from async threads.

mod certificate;
mod hashing;
mod nkey;
mod stored_hash;
mod verifier;
mod workers;

pub use certificate::{certificate_expiry, read as read_certificate};
pub use hashing::{CannotHash, hash_password, hash_token};
pub use verifier::PasswordVerifier;
