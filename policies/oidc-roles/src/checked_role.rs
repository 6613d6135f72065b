//! Roles whose settings are checked.

use portcullis_sdk::profile::ProfileTemplate;
use portcullis_sdk::template::NameTemplate;

/// A role whose settings are checked.
#[derive(Debug)]
pub(crate) struct CheckedRole {
    pub(crate) account: Option<NameTemplate>,
    pub(crate) profile: ProfileTemplate,
}
