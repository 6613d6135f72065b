//! Scopes whose settings are checked.

use portcullis_sdk::profile::ProfileTemplate;

use crate::scope::ScopePattern;

/// A scope of the settings, or a prefix of scopes, after the check.
#[derive(Debug)]
pub(crate) struct KnownScope {
    /// The key in the settings.
    pub(crate) name: String,
    pub(crate) pattern: ScopePattern,
    pub(crate) profile: ProfileTemplate,
}
