//! Descriptions of the settings, for their schema.

use portcullis_sdk::KeyDoc;

/// The keys of the settings, apart from those of profiles.
pub(crate) const KEYS: &[KeyDoc] = &[
    KeyDoc::new(
        "scope-claims",
        "claims that hold scopes: texts with spaces between the scopes, or lists",
    )
    .or(r#"["scope", "scp"]"#),
    KeyDoc::new(
        "account-claim",
        "claim that names the account. Default: none",
    ),
    KeyDoc::new(
        "default-account",
        "account of tokens without `account-claim`; may be a template. Default: the policy denies such tokens",
    ),
    KeyDoc::new(
        "name-claims",
        "claims that may hold the user name; the first present one counts",
    )
    .or(r#"["sub"]"#),
    KeyDoc::new(
        "without-scope",
        "verdict on tokens without a scope of these settings",
    )
    .or(r#""deny""#),
    KeyDoc::new(
        "issuers",
        "issuers whose tokens the policy decides. Default: every issuer",
    ),
    KeyDoc::new(
        "expires-in",
        "maximum lifetime of a connection. Default: the lifetime of its token",
    ),
    KeyDoc::new(
        "scopes",
        "permissions, by scope or by prefix of scopes such as `admin:*`",
    )
    .or("{}"),
    KeyDoc::new("scopes.NAME", "permissions of the holders of a scope"),
];
