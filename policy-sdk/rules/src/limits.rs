//! How much one permit can carry.

/// Maximum number of subjects in one permit, over all lists.
pub const MAX_SUBJECTS: usize = 4096;
/// Maximum size of the subjects in one permit, over all lists, in bytes. No response has room for
/// more. A server accepts 1 MiB, the user JWT takes three quarters of that, and its claims three
/// quarters of the JWT.
pub const MAX_SUBJECT_BYTES: usize = 9 << 16;
/// Maximum length of one subject, in bytes.
pub const MAX_SUBJECT_LEN: usize = 1024;
/// Maximum number of tags in one permit.
pub const MAX_TAGS: usize = 64;
/// Maximum number of networks in one permit.
pub const MAX_SOURCES: usize = 256;
/// Maximum number of ranges of times in one permit.
pub const MAX_TIMES: usize = 32;
/// Maximum length of a user name, account name, role, time zone or tag, in bytes.
pub const MAX_TEXT: usize = 256;
/// Latest expiry: the end of the year 9999, in seconds since the Unix epoch.
pub const MAX_EXPIRY: u64 = 253_402_300_799;
