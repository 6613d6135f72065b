//! `[identity]`: what clients can present, and what proves it.

mod accounts;
mod issuers;

use std::path::Path;
use std::time::Duration;

use portcullis_claims::PublicKey;
use portcullis_identity::{
    AccountOptions, AccountSource, IssuerOptions, TokenPlace, TokenVerifier, TrustedAccounts,
};

use super::reader::Section;
use super::values::{Kind, OPERATOR_KEY, SECONDS, TOKEN_PLACE};
use crate::problem::Problem;

/// For as long as a password that was changed elsewhere may still open something.
const AT_MOST_AN_HOUR: Kind<Duration> = Kind {
    expected: SECONDS.expected,
    parse: |text| match (SECONDS.parse)(text)? {
        time if time <= Duration::from_hours(1) => Ok(time),
        _ => Err(format!("must be at most `1h`, found `{text}`")),
    },
};

/// The table `[identity]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where bearer tokens are looked for, in this order.
    pub token_places: Vec<TokenPlace>,
    /// For how long passwords that have matched need no hash; not at all if none.
    pub remember_passwords: Option<Duration>,
    /// `[identity.issuers.NAME]`: whose tokens are believed.
    pub issuers: Vec<IssuerOptions>,
    /// Who must have signed account JWTs, `O…`; anybody if empty.
    pub operators: Vec<PublicKey>,
    /// `[identity.accounts.NAME]`: whose user JWTs are believed.
    pub accounts: Vec<AccountOptions>,
}

impl Identity {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let token_places = match section.setting("token-places") {
            None => Some(TokenPlace::ALL.to_vec()),
            Some(setting) => setting.list(&TOKEN_PLACE),
        };
        let remember_passwords = match section.setting("remember-passwords") {
            None => Some(None),
            Some(setting) => setting.parse(&AT_MOST_AN_HOUR).map(Some),
        };
        let operators = section.setting("operators");
        let operator_keys = operators.map_or(Some(Vec::new()), |keys| keys.list(&OPERATOR_KEY));
        let issuers = issuers::read(section.section("issuers"));
        let accounts = accounts::read(section.section("accounts"));
        if let (Some(setting), Some(_), Some(accounts)) = (operators, &operator_keys, &accounts)
            && !accounts.iter().any(has_jwt)
        {
            setting.report(
                "would apply to nothing: no account under [identity.accounts] has a `jwt-file`",
            );
        }
        section.finish();
        Some(Self {
            token_places: token_places?,
            remember_passwords: remember_passwords?,
            issuers: issuers?,
            operators: operator_keys?,
            accounts: accounts?,
        })
    }
}

const fn has_jwt(account: &AccountOptions) -> bool {
    matches!(account.source, AccountSource::Jwt { .. })
}

/// What is wrong with the files that the table names, and what its tables say of each other. Nothing is fetched.
pub(super) fn check(file: &Path, identity: &Identity) -> Vec<Problem> {
    let problem =
        |error: anyhow::Error, key: &str| Problem::error(file, format!("{error:#}")).at_key(key);
    let tokens = TokenVerifier::new(identity.issuers.clone()).err();
    let (accounts, operators) = (identity.accounts.clone(), identity.operators.clone());
    let accounts = TrustedAccounts::new(accounts, operators).err();
    let tokens = tokens.map(|error| problem(error.into(), "identity.issuers"));
    let accounts = accounts.map(|error| problem(error.into(), "identity.accounts"));
    tokens.into_iter().chain(accounts).collect()
}
