//! Tables `[identity.accounts.NAME]`: accounts whose user JWTs are trusted.

use portcullis_claims::PublicKey;
use portcullis_identity::{AccountOptions, AccountSource};
use portcullis_toml::kinds::WORD;
use portcullis_toml::{InvalidValue, Kind, Read, Section};

use crate::values::ACCOUNT_KEY;

/// A role of an account, with its name in the account JWT.
const ROLE: Kind<String> = Kind {
    expected: "the name of a role",
    parse: |text| match text {
        "" => Err(InvalidValue::Nothing("the name of a role")),
        role => Ok(role.to_owned()),
    },
};

/// Reads the tables, by the operator's names.
pub(crate) fn read(section: Section<'_>) -> Option<Vec<AccountOptions>> {
    let accounts = section.named(&WORD, read_account)?.into_iter();
    let named = accounts.map(|(name, source)| AccountOptions { name, source });
    Some(named.collect())
}

fn read_account(mut section: Section<'_>) -> Option<AccountSource> {
    let key = read_key(&mut section);
    let signing_keys = section.list("signing-keys", &ACCOUNT_KEY);
    let roles = section.list("roles", &ROLE);
    let named = section.has("jwt-file");
    let file = section.path("jwt-file");
    if !named && !section.has("key") {
        let missing =
            "missing: the account's public key (A…), or the file with its JWT in `jwt-file`";
        section.report_missing("key", missing);
    }
    let two_sources = named && section.has("signing-keys");
    if two_sources {
        section.report("has both `jwt-file` and `signing-keys`; the JWT names the signing keys");
    }
    if section.has("roles") && !named {
        section.report("has `roles` without `jwt-file`; only the account's JWT says which key is bound to which role");
    }
    section.finish();
    let (key, signing_keys, roles) = (key?, signing_keys?, roles?);
    match (file, key) {
        _ if two_sources => None,
        (Some(file), key) => Some(AccountSource::Jwt { file, key, roles }),
        (None, Some(key)) if !named => Some(AccountSource::Keys { key, signing_keys }),
        (None, _) => None,
    }
}

fn read_key(section: &mut Section<'_>) -> Read<Option<PublicKey>> {
    match section.setting("key") {
        None => Some(None),
        Some(setting) => setting.parse(&ACCOUNT_KEY).map(Some),
    }
}
