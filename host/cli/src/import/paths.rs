//! Files that an import writes.

/// File of the service's password.
pub(super) const PASSWORD: &str = "keys/password";

/// File of the seed that signs.
pub(super) const ISSUER: &str = "keys/issuer.nk";
