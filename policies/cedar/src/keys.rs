//! Descriptions of the settings, for their schema.

use portcullis_sdk::KeyDoc;

/// The keys of the settings, apart from those of profiles.
pub(crate) const KEYS: &[KeyDoc] = &[
    KeyDoc::new(
        "cedar-text",
        "the policies in Cedar. Default: the content of `NAME.cedar`",
    ),
    KeyDoc::new(
        "accounts",
        "accounts that a login may connect to; the first one that Cedar allows counts",
    )
    .or("[]"),
    KeyDoc::new("methods", "methods of the logins that the policy decides").or(r#"["oidc"]"#),
    KeyDoc::new(
        "claimed-logins",
        "whether the policy also decides logins whose principal the client only claims",
    )
    .or("false"),
    KeyDoc::new(
        "issuers",
        "issuers whose tokens the policy decides. Default: every issuer",
    ),
    KeyDoc::new(
        "name-claims",
        "claims that may hold the user name; the first present one counts",
    )
    .or(r#"["sub"]"#),
    KeyDoc::new(
        "claims",
        "claims that policies may read as `principal.claims`, with their types",
    )
    .or("{}"),
    KeyDoc::new("claims.NAME", "type of the claim"),
    KeyDoc::new(
        "without-permit",
        "verdict on logins that no policy permits to connect",
    )
    .or(r#""deny""#),
    KeyDoc::new(
        "expires-in",
        "maximum lifetime of a connection. Default: the lifetime of what the client presented",
    ),
    KeyDoc::new("profiles", "permissions, by profile").or("{}"),
    KeyDoc::new("profiles.NAME", "a set of permissions"),
];
