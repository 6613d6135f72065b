//! Checks across tables.

use std::collections::BTreeMap;

use portcullis_authority::{Ceilings, TargetAccounts};
use portcullis_connect::SecretSource;
use portcullis_core::AccountName;
use portcullis_toml::Document;

use crate::callout::Callout;
use crate::links::real_path;
use crate::operator::Operator;
use crate::policies::Policies;
use crate::records::Records;
use crate::sources::NamedSecrets;

/// Reports names that match no table, because their author expects them to have an effect.
pub(crate) fn check(
    document: &Document<'_>,
    callout: &Callout,
    operator: Option<&Operator>,
    ceilings: Option<&Ceilings>,
    records: Option<&Records>,
) {
    let target = |name: &AccountName| match (operator, &callout.target_accounts) {
        (Some(operator), _) => operator.accounts.contains_key(name) || is_new(operator, name),
        (None, Some(TargetAccounts::Only(names))) => names.contains(name),
        (None, _) => true,
    };
    let place = if operator.is_some() {
        "[operator.accounts]"
    } else {
        "`target-accounts`"
    };
    for name in ceilings
        .into_iter()
        .flat_map(|ceilings| ceilings.accounts.keys())
    {
        if !target(name) {
            let message = format!("would apply to no login: `{name}` is not in {place}");
            document.report_at(format!("ceilings.accounts.{name}"), message);
        }
    }
    let events = records.and_then(|records| records.options.events.as_ref());
    if let Some(name) = events.and_then(|events| events.denials.as_ref())
        && !target(name)
    {
        let message = format!("would tell no application: `{name}` is not in {place}");
        document.report_at("records.events.denials", message);
    }
    if let Some(operator) = operator {
        check_operator(document, callout, operator);
    }
}

/// Returns whether the account may be made at its first login.
fn is_new(operator: &Operator, name: &AccountName) -> bool {
    let names = operator.first_login.iter().flat_map(|table| &table.names);
    names.into_iter().any(|pattern| pattern.matches(name))
}

/// Reports a state directory that is the directory of a secret, or lies in a directory of secrets,
/// because the host writes and removes files there. Follows links.
///
/// A directory that also contains the configuration or the policies is the site itself. A state
/// directory next to `/etc/portcullis/issuer.nk` is one of several things in there.
pub(crate) fn check_state_directory(
    document: &Document<'_>,
    policies: &Policies,
    secrets: &NamedSecrets,
) {
    let state = real_path(&policies.state_directory);
    let site = [document.file(), policies.catalog.directory.as_path()].map(real_path);
    for (source, _) in secrets.all() {
        let SecretSource::File(path) = &source.value else {
            continue;
        };
        let Some(directory) = path.parent().map(real_path) else {
            continue;
        };
        let secret = path.display();
        let message = if state == directory {
            format!(
                "`{secret}` is in the state directory, where the host writes and removes files: name a directory of its own"
            )
        } else if state.starts_with(&directory)
            && !site.iter().any(|path| path.starts_with(&directory))
        {
            format!(
                "the state directory lies in the directory of the secret `{secret}`, and the host writes and removes files there: \
                 name one outside of it"
            )
        } else {
            continue;
        };
        document.report_at("policies.state-directory", message);
        return;
    }
}

fn check_operator(document: &Document<'_>, callout: &Callout, operator: &Operator) {
    let targets = callout.target_accounts.iter();
    for name in targets
        .flat_map(TargetAccounts::named)
        .filter(|name| !operator.accounts.contains_key(*name))
    {
        let message = format!("`{name}` is not the name of a table under [operator.accounts]");
        document.report_at("callout.target-accounts", message);
    }
    let mut keys = BTreeMap::new();
    for (name, account) in &operator.accounts {
        if let Some(other) = keys.insert(account.key.as_str(), name) {
            let message = format!("the key of `{other}` too; an account has one name here");
            document.report_at(format!("operator.accounts.{name}.key"), message);
        }
    }
}
