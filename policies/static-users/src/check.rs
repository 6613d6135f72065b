//! From settings to logins, with everything that is wrong with them.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sdk::{Permit, SettingsError, check_hash};

use crate::Login;
use crate::settings::{Hash, Profile, Settings, User};

/// The hash of a password nobody knows, as costly as those of `portcullis hash`.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$OGHn5PNYVjatTnAUOQhytQ$wInNLvmSVMWSp/tkN5a15K/o5I7yDhcs0CkzvwLpRJ4";

/// Every user with the permit that waits for them.
pub(crate) fn logins(settings: &Settings) -> Result<BTreeMap<String, Login>, SettingsError> {
    let profiles = settings
        .profiles
        .iter()
        .flat_map(|(name, profile)| profile_problems(name, profile));
    let users = settings
        .users
        .iter()
        .flat_map(|(name, user)| user_problems(settings, name, user));
    SettingsError::check(profiles.chain(users).chain(shared_tokens(settings)))?;
    let logins = settings.users.iter().map(|(name, user)| {
        let login = Login {
            password: user.password.clone(),
            token: user.token.clone(),
            permit: permit(settings, name, user),
        };
        (name.clone(), login)
    });
    Ok(logins.collect())
}

/// A hash to compare with for users that have none: one that costs what the hashes of others cost.
pub(crate) fn stand_in(logins: &BTreeMap<String, Login>) -> Hash {
    let passwords = || logins.values().filter_map(|login| login.password.as_ref());
    passwords()
        .find(|hash| hash.plain_text().is_none())
        .or_else(|| passwords().next())
        .cloned()
        .unwrap_or_else(|| Hash::new(NOBODY))
}

fn permit(settings: &Settings, name: &str, user: &User) -> Permit {
    let mut permit = Permit::new(account(settings, user).unwrap_or_default()).user_name(name);
    if let Some(lifetime) = user.expires_in {
        permit = permit.expires_in(lifetime);
    }
    match settings.profiles.get(&user.profile) {
        Some(profile) => with_profile(permit, profile),
        None => permit,
    }
}

fn with_profile(permit: Permit, profile: &Profile) -> Permit {
    let permit = permit
        .publish_allow_all(&profile.publish.allow)
        .publish_deny_all(&profile.publish.deny)
        .subscribe_allow_all(&profile.subscribe.allow)
        .subscribe_deny_all(&profile.subscribe.deny);
    match &profile.responses {
        Some(responses) => permit.responses_allow(responses.max, responses.ttl),
        None => permit,
    }
}

fn account<'settings>(
    settings: &'settings Settings,
    user: &'settings User,
) -> Option<&'settings str> {
    user.account
        .as_deref()
        .or(settings.default_account.as_deref())
}

fn profile_problems(name: &str, profile: &Profile) -> Vec<SettingsError> {
    /// How the host names a list, and how the settings do.
    const LISTS: [(&str, &str); 4] = [
        ("publish-allow: ", ".publish.allow"),
        ("publish-deny: ", ".publish.deny"),
        ("subscribe-allow: ", ".subscribe.allow"),
        ("subscribe-deny: ", ".subscribe.deny"),
    ];
    let problems = with_profile(Permit::new("any"), profile).problems();
    let located = problems.into_iter().map(|problem| {
        let (list, message) = LISTS
            .iter()
            .find_map(|(prefix, list)| Some((*list, problem.strip_prefix(prefix)?)))
            .unwrap_or(("", &problem));
        SettingsError::at(format!("profiles.{name}{list}"), message)
    });
    located.collect()
}

fn user_problems(settings: &Settings, name: &str, user: &User) -> Vec<SettingsError> {
    let path = |key: &str| format!("users.{name}{key}");
    let mut problems = Vec::new();
    if user.password.is_none() && user.token.is_none() {
        let message = "neither `password` nor `token` is set: nobody could log in as this user";
        problems.push(SettingsError::at(path(""), message));
    }
    for (key, hash) in [(".password", &user.password), (".token", &user.token)] {
        let message = hash.as_ref().and_then(|hash| {
            hash_problem(
                hash,
                key == ".password",
                settings.dangerous_plain_text_passwords,
            )
        });
        problems.extend(message.map(|message| SettingsError::at(path(key), message)));
    }
    match account(settings, user) {
        None => {
            let message = "no account: set `account` here, or `default-account` for all users";
            problems.push(SettingsError::at(path(".account"), message));
        }
        Some(account) => {
            let found = Permit::new(account).user_name(name).problems();
            problems.extend(
                found
                    .into_iter()
                    .map(|problem| SettingsError::at(path(""), problem)),
            );
        }
    }
    if !settings.profiles.contains_key(&user.profile) {
        let message = unknown_profile(settings, &user.profile);
        problems.push(SettingsError::at(path(".profile"), message));
    }
    if user
        .expires_in
        .is_some_and(|lifetime| lifetime < Duration::from_secs(1))
    {
        problems.push(SettingsError::at(
            path(".expires-in"),
            "shorter than a second",
        ));
    }
    problems
}

fn hash_problem(hash: &Hash, for_password: bool, plain_text_is_fine: bool) -> Option<String> {
    if for_password && hash.is_for_tokens() {
        return Some(
            "`sha256:` is for tokens, not for passwords; make a hash with `portcullis hash`"
                .to_owned(),
        );
    }
    match hash.plain_text() {
        Some(_) if !plain_text_is_fine => Some(
            "this is plain text; make a hash with `portcullis hash`, or set \
             `dangerous-plain-text-passwords = true`"
                .to_owned(),
        ),
        Some("") => Some("nothing follows `plain:`, but nobody may log in with nothing".to_owned()),
        _ => check_hash(hash.as_str())
            .err()
            .map(|error| error.to_string()),
    }
}

fn unknown_profile(settings: &Settings, name: &str) -> String {
    let known: Vec<_> = settings
        .profiles
        .keys()
        .map(|known| format!("`{known}`"))
        .collect();
    if known.is_empty() {
        format!("no profile `{name}`: add a table `[settings.profiles.{name}]`")
    } else {
        format!("no profile `{name}`; there are {}", known.join(", "))
    }
}

/// Two users with one token: which of them is it?
fn shared_tokens(settings: &Settings) -> Vec<SettingsError> {
    let mut owners = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, user) in &settings.users {
        let Some(token) = &user.token else { continue };
        if let Some(owner) = owners.insert(token.as_str(), name) {
            let message = format!("the same token as that of user `{owner}`");
            problems.push(SettingsError::at(format!("users.{name}.token"), message));
        }
    }
    problems
}
