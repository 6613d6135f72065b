//! Descriptions of the settings, for their schema.

use portcullis_sdk::KeyDoc;

/// The keys of the settings, apart from those of profiles.
pub(crate) const KEYS: &[KeyDoc] = &[
    KeyDoc::new(
        "account",
        "account of logins whose roles name none; may be a template. Default: none",
    ),
    KeyDoc::new(
        "role-claims",
        "claims that hold roles: a text is one role, a list several",
    )
    .or(r#"["roles"]"#),
    KeyDoc::new(
        "space-separated-role-claims",
        "claims whose texts hold several roles, separated by spaces",
    )
    .or("[]"),
    KeyDoc::new(
        "role-object-claims",
        "claims whose objects have a member for each role",
    )
    .or("[]"),
    KeyDoc::new(
        "name-claims",
        "claims that may hold the user name; the first present one counts",
    )
    .or(r#"["sub"]"#),
    KeyDoc::new(
        "without-role",
        "verdict on tokens without a role of these settings",
    )
    .or(r#""permit-nothing""#),
    KeyDoc::new(
        "deny-only",
        "permissions of a side with denied subjects and no allowed ones",
    )
    .or(r#""allow-nothing""#),
    KeyDoc::new(
        "issuers",
        "issuers whose tokens the policy decides. Default: every issuer",
    ),
    KeyDoc::new(
        "expires-in",
        "maximum lifetime of a connection. Default: the lifetime of its token",
    ),
    KeyDoc::new("max-expiry", "another name of `expires-in`. Default: none"),
    KeyDoc::new("roles", "permissions, by role").or("{}"),
    KeyDoc::new("roles.NAME", "permissions of the holders of a role"),
    KeyDoc::new(
        "roles.NAME.account",
        "account of the role; may be a template. Default: that of the settings",
    ),
];
