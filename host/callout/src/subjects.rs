//! Subjects with a meaning of their own.

/// The subject of authorization requests (ADR-26).
pub(crate) const AUTH_REQUESTS: &str = "$SYS.REQ.USER.AUTH";
