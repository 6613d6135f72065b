//! Descriptions of the settings, for their schema.

use portcullis_sdk::KeyDoc;

/// The keys of the settings.
pub(crate) const KEYS: &[KeyDoc] = &[
    KeyDoc::new(
        "rego-text",
        "the policy in Rego. Default: the content of `NAME.rego`",
    ),
    KeyDoc::new("data", "data that the policy reads as `data`").or("{}"),
    KeyDoc::new(
        "claimed-logins",
        "whether the policy also decides logins whose principal the client only claims",
    )
    .or("false"),
];
