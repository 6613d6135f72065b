//! Checks of the settings.

use std::collections::BTreeMap;

use policy_support::{lifetime_problem, literal_problem};
use portcullis_sdk::{Permit, SettingsError, check_hash};

use crate::settings::{Hash, Settings, User};

/// The hash of an unknown password, with the cost of those of `portcullis hash`.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$OGHn5PNYVjatTnAUOQhytQ$wInNLvmSVMWSp/tkN5a15K/o5I7yDhcs0CkzvwLpRJ4";

/// What to write instead of a template of an account.
const ACCOUNT: &str = "write the account's name";

/// The kind of secret that a hash is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Password,
    Token,
}

/// Checks the settings and reports all problems at once.
pub(crate) fn check(settings: &Settings) -> Result<(), SettingsError> {
    let mut problems = Vec::new();
    for (name, profile) in &settings.profiles {
        problems.extend(profile.check(&format!("profiles.{name}")).err());
    }
    let account = settings.default_account.as_deref();
    problems.extend(account.and_then(|name| literal_problem("default-account", name, ACCOUNT)));
    for (name, user) in &settings.users {
        check_user(settings, name, user, &mut problems);
        check_places(name, user, &mut problems);
    }
    check_tokens(settings, &mut problems);
    SettingsError::check(problems)
}

/// Returns a hash to compare with for users without one. Its cost is that of the other users'
/// hashes.
pub(crate) fn stand_in(settings: &Settings) -> Hash {
    let passwords = || {
        settings
            .users
            .values()
            .filter_map(|user| user.password.as_ref())
    };
    passwords()
        .find(|hash| hash.plain_text().is_none())
        .or_else(|| passwords().next())
        .cloned()
        .unwrap_or_else(|| Hash::new(NOBODY))
}

impl Kind {
    const fn command(self) -> &'static str {
        match self {
            Self::Password => "portcullis hash",
            Self::Token => "portcullis hash --token",
        }
    }
}

fn check_user(settings: &Settings, name: &str, user: &User, problems: &mut Vec<SettingsError>) {
    let mut problem = |key: &str, message: &str| {
        problems.push(SettingsError::at(format!("users.{name}{key}"), message));
    };
    if user.password.is_none() && user.token.is_none() {
        problem(
            "",
            "neither `password` nor `token` is set: no client could log in as this user",
        );
    }
    for (key, kind, hash) in [
        (".password", Kind::Password, &user.password),
        (".token", Kind::Token, &user.token),
    ] {
        let plain_text_is_fine = settings.dangerous_plain_text_passwords;
        let found = hash
            .as_ref()
            .and_then(|hash| hash_problem(hash, kind, plain_text_is_fine));
        if let Some(message) = found {
            problem(key, &message);
        }
    }
    match settings.account(user) {
        None => problem(
            ".account",
            "no account: set `account` here, or `default-account` for all users",
        ),
        Some(account) => {
            for message in Permit::new(account).with_user_name(name).problems() {
                problem("", &message);
            }
        }
    }
    if !settings.profiles.contains_key(&user.profile) {
        problem(".profile", &unknown_profile(settings, &user.profile));
    }
    let key = format!("users.{name}.expires-in");
    problems.extend(lifetime_problem(&key, user.expires_in));
}

/// Rejects templates in a user's name and account.
fn check_places(name: &str, user: &User, problems: &mut Vec<SettingsError>) {
    let key = format!("users.{name}");
    problems.extend(literal_problem(
        &key,
        name,
        "write the name that the client sends",
    ));
    let account = user.account.as_deref();
    problems.extend(
        account.and_then(|account| literal_problem(&format!("{key}.account"), account, ACCOUNT)),
    );
}

fn hash_problem(hash: &Hash, kind: Kind, plain_text_is_fine: bool) -> Option<String> {
    if kind == Kind::Password && hash.is_for_tokens() {
        return Some(
            "`sha256:` is for tokens, not for passwords; make a hash with `portcullis hash`"
                .to_owned(),
        );
    }
    match hash.plain_text() {
        Some(_) if !plain_text_is_fine => Some(format!(
            "this is plain text; make a hash with `{}`, or set `dangerous-plain-text-passwords = true`",
            kind.command(),
        )),
        Some("") => Some(
            "nothing follows `plain:`, but no client may log in with an empty secret".to_owned(),
        ),
        _ => check_hash(hash.as_str())
            .err()
            .map(|error| error.to_string()),
    }
}

fn unknown_profile(settings: &Settings, name: &str) -> String {
    if settings.profiles.is_empty() {
        return format!("no profile `{name}`: add a table `[settings.profiles.{name}]`");
    }
    let mut message = format!("no profile `{name}`; there are");
    for (index, known) in settings.profiles.keys().enumerate() {
        message.push_str(if index == 0 { " `" } else { ", `" });
        message.push_str(known);
        message.push('`');
    }
    message
}

/// Rejects two users with one token: the policy could not tell which of them logs in.
fn check_tokens(settings: &Settings, problems: &mut Vec<SettingsError>) {
    let mut owners = BTreeMap::new();
    for (name, user) in &settings.users {
        let Some(token) = &user.token else { continue };
        if let Some(owner) = owners.insert(token.as_str(), name.as_str()) {
            let message = format!("the same token as that of user `{owner}`");
            problems.push(SettingsError::at(format!("users.{name}.token"), message));
        }
    }
}
