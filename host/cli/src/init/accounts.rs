//! The accounts in which policies place users.

use portcullis_core::{AccountName, Secret};

use super::events;

/// The accounts in which policies place users. Default: `APP`, without users of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    names: Vec<AccountName>,
    /// Password of the user [`ADMIN`](Self::ADMIN). `None` if no account has such a user.
    admin: Option<Secret>,
    /// Whether the accounts hear of their logins.
    hear_of_logins: bool,
    /// Whether the callout account has a user who reads decision records.
    have_auditor: bool,
}

impl Accounts {
    /// Name of the user of the first account who logs in without auth callout.
    pub(crate) const ADMIN: &str = "admin";
    /// Name of the account if the operator names none.
    const DEFAULT: &str = "APP";

    /// Returns the accounts `names`, all with `JetStream`, for tests of applications. The first has
    /// the user [`ADMIN`](Self::ADMIN) with `password`. Without names, `APP` is the only account.
    pub(crate) fn for_tests(names: Vec<AccountName>, password: Secret) -> Self {
        Self {
            names,
            admin: Some(password),
            hear_of_logins: false,
            have_auditor: false,
        }
    }

    /// Returns the accounts of a new site. With `login_events`, they hear of their logins. With
    /// `auditor`, the callout account has a user who reads decision records.
    pub(crate) fn of_site(login_events: bool, auditor: bool) -> Self {
        Self {
            hear_of_logins: login_events,
            have_auditor: auditor,
            ..Self::default()
        }
    }

    /// Returns whether the callout account has a user who reads decision records.
    pub(super) const fn have_auditor(&self) -> bool {
        self.have_auditor
    }

    /// Returns whether the accounts hear of their logins.
    pub(super) const fn hear_of_logins(&self) -> bool {
        self.hear_of_logins
    }

    /// Returns whether the first account has the user [`ADMIN`](Self::ADMIN).
    pub(super) const fn have_admin(&self) -> bool {
        self.admin.is_some()
    }

    /// Renders the accounts in nats-server.conf.
    pub(super) fn render(&self) -> String {
        let Some(password) = &self.admin else {
            let accounts = self.texts().map(|name| {
                if self.hear_of_logins {
                    format!("  {name} {{\n    {}\n  }}\n", events::import(name))
                } else {
                    format!("  {name} {{}}\n")
                }
            });
            return accounts.collect();
        };
        let accounts = self.texts().enumerate().map(|(index, name)| {
            let users = if index == 0 {
                let (user, password) = (Self::ADMIN, password.expose());
                format!(", users: [ {{ user: {user}, password: {password:?} }} ]")
            } else {
                String::new()
            };
            format!("  {name:?} {{ jetstream: enabled{users} }}\n")
        });
        accounts.collect()
    }

    /// Renders the names as the elements of an array of TOML.
    pub(super) fn listed(&self) -> String {
        let names: Vec<_> = self.texts().map(|name| format!("{name:?}")).collect();
        names.join(", ")
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let default = self.names.is_empty().then_some(Self::DEFAULT);
        default
            .into_iter()
            .chain(self.names.iter().map(AccountName::as_str))
    }
}
