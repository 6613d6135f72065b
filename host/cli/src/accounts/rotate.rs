//! Rotation of a signing key, with a time in which the old and the new key count.

use std::fmt::Write as _;

use portcullis_accounts::{AccountJwt, StoreError, UserJwt};
use portcullis_claims::{KeyKind, UserScope};
use serde_json::json;

use super::report::{Report, StoreArguments, failure, now, wrong};
use super::role;
use super::status::{self, Status, StatusArguments};
use crate::failure::Failure;
use crate::output::Output;

/// Adds a key of the same role, and signs the users of the old key with it. Both keys count.
pub(super) fn begin(
    store: &StoreArguments,
    account: &str,
    name: &str,
    servers: &StatusArguments,
) -> Result<Output, Failure> {
    if servers.is_given() {
        return Err(wrong(
            "`--server` is for `--finish`: the servers have to get the new key first",
        ));
    }
    let open = store.open();
    let mut found = open.account(account).map_err(failure)?;
    let keys = &mut found.claims.nats.signing_keys;
    let old = role::find(keys, name)?;
    let seed = open.keys().generate(KeyKind::Account).map_err(failure)?;
    let new = seed.public.as_str();
    match keys.scope(&old).cloned() {
        None => keys.insert_plain(new),
        Some(mut scope) => {
            new.clone_into(&mut scope.key);
            keys.insert_scope(scope);
        }
    }
    let signed = open.put_account(found.claims, now());
    if signed.is_err() {
        // The account has no such key, so its seed serves no purpose.
        open.keys().remove(new).map_err(failure)?;
    }
    let signed = signed.map_err(failure)?;
    let found = AccountJwt::decode(&signed.token).map_err(failure)?;
    let users = signed_by(&open.users(&found.account).map_err(failure)?, &old);
    let mut refused = Vec::new();
    for user in &users {
        match open.put_user(&found, user.claims.clone(), Some(new), now()) {
            Ok(_) => {}
            // An expired user, say, keeps the old key. The rotation does not end with it.
            Err(error @ StoreError::Refused(_)) => {
                refused.push(format!("`{}`: {error}", name_of(user)));
            }
            Err(error) => return Err(failure(error)),
        }
    }
    let names = names(&users);
    let mut text = format!(
        "added the key {new} next to {old}; both count\n\n\
         next, in this order:\n  \
         1. give the account's new JWT to the servers, and wait until each has it: \
         `portcullis account status {account} --server URL --creds FILE` says which have\n  \
         2. use the seed {} where the old one is: `seed-file` or, for the callout account, \
         `issuer-seed-file` in portcullis.toml, and other signers\n  \
         3. give their new JWTs to these users: {}\n  \
         4. portcullis account rotate {account} {old} --finish --server URL --creds FILE, then give the \
         account's JWT to the servers again\n",
        open.keys().path(&seed.public).display(),
        list(&names)
    );
    for error in &refused {
        // Writing to a string does not fail.
        let _ = writeln!(text, "left with the old key: {error}");
    }
    let json = json!({ "account": found.account.as_str(), "old": old, "new": new, "users": names, "refused": refused });
    Report::new(text, json).output(store.json)
}

/// Removes the old key, unless it still signs users of the store or is the last one of its role.
/// With servers, each of them first has to have the stored version, in which both keys count.
pub(super) fn finish(
    store: &StoreArguments,
    account: &str,
    name: &str,
    servers: &StatusArguments,
) -> Result<Output, Failure> {
    let open = store.open();
    let mut found = open.account(account).map_err(failure)?;
    let keys = &found.claims.nats.signing_keys;
    let old = &role::find(keys, name)?;
    let role = keys.scope(old).map(|scope| scope.role.clone());
    let is_successor = |(key, scope): (&str, Option<&UserScope>)| {
        key != old.as_str() && scope.map(|scope| &scope.role) == role.as_ref()
    };
    if !keys.iter().any(is_successor) {
        return Err(wrong(
            "no other key has the role of this one: begin the rotation without `--finish`",
        ));
    }
    let users = names(&signed_by(
        &open.users(&found.account).map_err(failure)?,
        old,
    ));
    if !users.is_empty() {
        return Err(wrong(format!(
            "the key still signs these users, whom servers would refuse: {}; sign them again with `portcullis user edit`",
            list(&users)
        )));
    }
    if servers.is_given() {
        let required = status::ask(servers, found.clone()).and_then(Status::require);
        required.map_err(|error| {
            error.context(format!(
                "the key {old} stays, because servers need the new one first"
            ))
        })?;
    }
    found.claims.nats.signing_keys.remove(old.as_str());
    let signed = open.put_account(found.claims, now()).map_err(failure)?;
    open.remove_seeds([old.to_owned()]).map_err(failure)?;
    let line = format!(
        "removed the key {old}; give the account's new JWT to the servers, and see with \
         `portcullis account status` that each has it"
    );
    let key = found.account.as_str();
    Report::written(&line, "account", account, key, &signed.findings).output(store.json)
}

pub(super) fn signed_by(users: &[Result<UserJwt, StoreError>], key: &str) -> Vec<UserJwt> {
    let users = users.iter().flatten();
    let users = users.filter(|user| user.claims.issuer.as_deref() == Some(key));
    users.cloned().collect()
}

fn name_of(user: &UserJwt) -> String {
    let name = user.claims.name.clone();
    name.unwrap_or_else(|| user.user.to_string())
}

pub(super) fn names(users: &[UserJwt]) -> Vec<String> {
    users.iter().map(name_of).collect()
}

pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => "none in the store".to_owned(),
        names => format!("`{}`", names.join("`, `")),
    }
}
