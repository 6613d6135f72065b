//! The subjects that the service uses in more than one place.

/// The subject of authorization requests (ADR-26).
pub const AUTH_REQUESTS: &str = "$SYS.REQ.USER.AUTH";
