//! The accounts in the settings of the policies that come with this program.
//!
//! A policy of another author can have a setting of the same name that means something else. So
//! settings count only if they have no key that the policy of this program would refuse.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::line::line_at;

/// An account, its key and its line.
pub(super) type Found = (String, String, usize);

/// The settings of a policy.
struct Ready {
    /// All keys of the settings.
    keys: &'static [&'static str],
    /// The key that tells these settings from others.
    mark: &'static str,
    /// The key of the account of logins for which nothing else names one. With `mark`, the value
    /// lists accounts.
    account: &'static str,
    /// Whether the members of `mark` can have an `account`.
    has_members: bool,
}

const READY: [Ready; 5] = [
    // static-users
    Ready {
        keys: &[
            "default-account",
            "unknown-users",
            "dangerous-plain-text-passwords",
            "profiles",
            "users",
        ],
        mark: "users",
        account: "default-account",
        has_members: true,
    },
    // oidc-roles
    Ready {
        keys: &[
            "account",
            "role-claims",
            "space-separated-role-claims",
            "role-object-claims",
            "name-claims",
            "without-role",
            "deny-only",
            "issuers",
            "expires-in",
            "max-expiry",
            "roles",
        ],
        mark: "roles",
        account: "account",
        has_members: true,
    },
    // scopes
    Ready {
        keys: &[
            "scope-claims",
            "account-claim",
            "default-account",
            "name-claims",
            "without-scope",
            "issuers",
            "expires-in",
            "scopes",
        ],
        mark: "scopes",
        account: "default-account",
        has_members: false,
    },
    // workload
    Ready {
        keys: &[
            "account",
            "issuers",
            "beside",
            "without-rule",
            "expires-in",
            "rules",
        ],
        mark: "rules",
        account: "account",
        has_members: true,
    },
    // cedar
    Ready {
        keys: &[
            "cedar-text",
            "accounts",
            "methods",
            "claimed-logins",
            "issuers",
            "name-claims",
            "claims",
            "without-permit",
            "expires-in",
            "profiles",
        ],
        mark: "accounts",
        account: "accounts",
        has_members: false,
    },
];

/// Returns the accounts that the settings file with this text names. Templates name none.
pub(super) fn accounts(text: &str) -> Vec<Found> {
    let Ok(root) = DeTable::parse(text) else {
        return Vec::new();
    };
    let settings = root.get_ref().get("settings");
    let Some(settings) = settings.and_then(|settings| settings.get_ref().as_table()) else {
        return Vec::new();
    };
    let Some(ready) = READY.iter().find(|ready| ready.fits(settings)) else {
        return Vec::new();
    };
    let mut finder = Finder {
        text,
        found: Vec::new(),
    };
    finder.look_at(settings, ready.account, "settings");
    if ready.has_members {
        finder.look_at_members(settings, ready.mark);
    }
    finder.found
}

impl Ready {
    fn fits(&self, settings: &DeTable<'_>) -> bool {
        let mut keys = settings.keys().map(|key| key.get_ref().as_ref());
        settings.contains_key(self.mark) && keys.all(|key| self.keys.contains(&key))
    }
}

/// The accounts found so far in a text.
struct Finder<'a> {
    text: &'a str,
    found: Vec<Found>,
}

impl Finder<'_> {
    /// Adds the account, or the accounts, at `key` of a table.
    fn look_at(&mut self, table: &DeTable<'_>, key: &str, path: &str) {
        let Some(value) = table.get(key) else {
            return;
        };
        let line = line_at(self.text, value.span().start);
        match value.get_ref() {
            DeValue::String(name) => self.add(name, format!("{path}.{key}"), line),
            DeValue::Array(names) => {
                for (index, name) in names.iter().enumerate() {
                    let line = line_at(self.text, name.span().start);
                    if let Some(name) = name.get_ref().as_str() {
                        self.add(name, format!("{path}.{key}[{index}]"), line);
                    }
                }
            }
            _ => {}
        }
    }

    /// Adds the accounts of the members of the table or list at `key` of the settings.
    fn look_at_members(&mut self, settings: &DeTable<'_>, key: &str) {
        match settings.get(key).map(Spanned::get_ref) {
            Some(DeValue::Table(members)) => {
                for (name, member) in members {
                    if let Some(table) = member.get_ref().as_table() {
                        let path = format!("settings.{key}.{}", name.get_ref());
                        self.look_at(table, "account", &path);
                    }
                }
            }
            Some(DeValue::Array(members)) => {
                for (index, member) in members.iter().enumerate() {
                    if let Some(table) = member.get_ref().as_table() {
                        self.look_at(table, "account", &format!("settings.{key}[{index}]"));
                    }
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, name: &str, key: String, line: usize) {
        if !name.is_empty() && !name.contains("{{") {
            self.found.push((name.to_owned(), key, line));
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Returns the accounts with their keys.
    fn found(text: &str) -> Vec<(String, String)> {
        let found = accounts(text).into_iter();
        found.map(|(name, key, _)| (name, key)).collect()
    }

    #[rstest]
    #[case::static_users(
        "default-account = \"A\"\nusers.x = { profile = \"p\", account = \"B\" }\nprofiles.p = {}",
        &[("A", "settings.default-account"), ("B", "settings.users.x.account")]
    )]
    #[case::oidc_roles(
        "account = \"{{claim.tenant}}\"\nroles.admin = { account = \"B\" }",
        &[("B", "settings.roles.admin.account")]
    )]
    #[case::scopes(
        "default-account = \"A\"\naccount-claim = \"org\"\n[settings.scopes.read]\naccount = \"no setting\"",
        &[("A", "settings.default-account")]
    )]
    #[case::workload(
        "[[settings.rules]]\ndns = \"a\"\n[[settings.rules]]\ndns = \"b\"\naccount = \"B\"",
        &[("B", "settings.rules[1].account")]
    )]
    #[case::cedar(
        "accounts = [\"A\", \"B\"]",
        &[("A", "settings.accounts[0]"), ("B", "settings.accounts[1]")]
    )]
    #[case::of_another_author("account = \"12345\"\nroles.a = {}\nbilling = true", &[])]
    #[case::of_another_author_without_a_mark("account = \"12345\"", &[])]
    fn settings_name_accounts(#[case] settings: &str, #[case] expected: &[(&str, &str)]) {
        let text = format!("[settings]\n{settings}\n");
        assert_eq!(
            found(&text),
            expected
                .iter()
                .map(|(name, key)| ((*name).to_owned(), (*key).to_owned()))
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_examples_of_policies_are_known_by_their_keys() {
        for (example, account) in [
            (
                include_str!("../../../../../policies/static-users/examples/callout101.toml"),
                true,
            ),
            (
                include_str!("../../../../../policies/oidc-roles/examples/planmdk.toml"),
                true,
            ),
            (
                include_str!("../../../../../policies/scopes/examples/overmind.toml"),
                false,
            ),
            (
                include_str!("../../../../../policies/workload/examples/kubernetes.toml"),
                true,
            ),
        ] {
            let root = DeTable::parse(example).unwrap();
            let settings = root.get_ref().get("settings").unwrap().get_ref();
            let settings = settings.as_table().unwrap();
            let fitting = READY.iter().filter(|ready| ready.fits(settings));
            assert_eq!(fitting.count(), 1, "{example}");
            assert_eq!(!found(example).is_empty(), account, "{example}");
        }
    }
}
