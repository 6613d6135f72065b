//! Descriptions of the settings, for their schema.

use portcullis_sdk::KeyDoc;

/// The keys of the settings, apart from those of profiles.
pub(crate) const KEYS: &[KeyDoc] = &[
    KeyDoc::new(
        "default-account",
        "account of users that name none. Default: none",
    ),
    KeyDoc::new(
        "unknown-users",
        "verdict on logins of users that are not listed",
    )
    .or(r#""abstain""#),
    KeyDoc::new(
        "dangerous-plain-text-passwords",
        "whether `plain:` and the secret itself is accepted as a hash",
    )
    .or("false"),
    KeyDoc::new("profiles", "sets of permissions, by name").or("{}"),
    KeyDoc::new("profiles.NAME", "a set of permissions"),
    KeyDoc::new("users", "users, by user name").or("{}"),
    KeyDoc::new("users.NAME", "a user"),
    KeyDoc::new(
        "users.NAME.password",
        "hash for logins with user name and password. Default: none",
    ),
    KeyDoc::new(
        "users.NAME.token",
        "hash for logins with a token only. Default: none",
    ),
    KeyDoc::new(
        "users.NAME.account",
        "account of the user. Default: `default-account`",
    ),
    KeyDoc::new("users.NAME.profile", "name of a profile"),
    KeyDoc::new(
        "users.NAME.expires-in",
        "maximum lifetime of a connection. Default: unlimited",
    ),
];
