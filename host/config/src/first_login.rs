//! Table `[operator.first-login]`: accounts that are made at their first login.

use std::path::PathBuf;

use portcullis_accounts::FirstLoginOptions;
use portcullis_authority::AccountPattern;
use portcullis_toml::{Read, Section};

use crate::account_caps::{read_count, read_limits, read_names, read_store, read_system_account};
use crate::nats::Nats;
use crate::sources::NamedSecrets;

/// The table `[operator.first-login]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstLogin {
    /// Names of the accounts that may be made, at least one.
    pub names: Vec<AccountPattern>,
    /// Directory of the store, which has the operator and a seed that signs accounts.
    pub store: PathBuf,
    /// Caps, and the limits of each new account.
    pub options: FirstLoginOptions,
    /// Table `[operator.first-login.nats]`: the connection to the system account.
    pub nats: Box<Nats>,
}

/// Name of the connection, as servers show it.
const NAME: &str = "portcullis-accounts";

impl FirstLogin {
    /// Reads the table. The inner `None` means that the table is absent, which is no problem.
    pub(crate) fn read(mut section: Section<'_>, secrets: &NamedSecrets) -> Read<Option<Self>> {
        if !section.is_present() {
            section.finish();
            return Some(None);
        }
        let defaults = FirstLoginOptions::default();
        let names = read_names(&mut section);
        let store = read_store(&mut section);
        let max_accounts = read_count(&mut section, "max-accounts", defaults.max_accounts);
        let max_per_hour = read_count(&mut section, "max-per-hour", defaults.max_per_hour);
        let limits = section.section("limits");
        let limits = read_limits(limits, defaults.limits, false);
        let why = "accounts that exist need no connection";
        let nats = read_system_account(&mut section, NAME, why, secrets);
        section.finish();
        Some(Some(Self {
            names: names?,
            store: store?,
            options: FirstLoginOptions {
                max_accounts: max_accounts?,
                max_per_hour: max_per_hour?,
                limits: limits?,
            },
            nats: nats?,
        }))
    }
}
