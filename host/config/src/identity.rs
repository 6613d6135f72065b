//! Table `[identity]`: accepted credentials and their proofs.

mod accounts;
mod issuers;
mod throttle;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use portcullis_authority::ThrottleOptions;
use portcullis_claims::PublicKey;
use portcullis_core::{Allowed, with_causes};
use portcullis_identity::{
    AccountOptions, AccountSource, IssuerOptions, TokenPlace, TokenVerifier, TrustedAccounts,
};
use portcullis_toml::kinds::{DURATION, SOME_TIME};
use portcullis_toml::{InvalidValue, Kind, Problem, Section};

use crate::allowed::read_allowed;
use crate::values::{OPERATOR_KEY, TOKEN_PLACE};

/// The table `[identity]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Fields that are searched for bearer tokens, in this order. Default: all.
    pub token_places: Vec<TokenPlace>,
    /// Tables `[identity.issuers.NAME]`: trusted issuers of tokens.
    pub issuers: Vec<IssuerOptions>,
    /// Operators, `O…`, one of which has to sign account JWTs. Default: any signer.
    pub operators: Allowed<PublicKey>,
    /// Tables `[identity.accounts.NAME]`: accounts whose user JWTs are trusted.
    pub accounts: Vec<AccountOptions>,
    /// Time for which the result of a successful password comparison is cached. `None`, the
    /// default, disables the cache.
    pub remember_passwords: Option<Duration>,
    /// Table `[identity.throttle]`: limits on failed attempts.
    pub throttle: ThrottleOptions,
}

/// Maximum of `remember-passwords`. A password that is cached for longer is hardly ever compared.
const MAX_MEMORY_TIME: Duration = Duration::from_hours(1);

/// A time for which a password is cached.
const MEMORY: Kind<Duration> = Kind {
    expected: DURATION.expected,
    parse: |text| match (SOME_TIME.parse)(text) {
        Ok(span) if span > MAX_MEMORY_TIME => Err(InvalidValue::above("1h", text)),
        span => span,
    },
};

impl Identity {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let token_places = match section.setting("token-places") {
            None => Some(TokenPlace::ALL.to_vec()),
            Some(setting) => setting.list(&TOKEN_PLACE),
        };
        let operator_keys = read_allowed(&mut section, "operators", &OPERATOR_KEY);
        let remember_passwords = match section.setting("remember-passwords") {
            None => Some(None),
            Some(setting) => setting.parse(&MEMORY).map(Some),
        };
        let throttle = throttle::read(section.section("throttle"));
        let issuers = issuers::read(section.section("issuers"));
        let accounts = accounts::read(section.section("accounts"));
        if let (Some(_), Some(accounts)) = (&operator_keys, &accounts)
            && !accounts.iter().any(has_jwt)
            && let Some(setting) = section.setting("operators")
        {
            setting.report(
                "would apply to nothing: no account under [identity.accounts] has a `jwt-file`",
            );
        }
        section.finish();
        Some(Self {
            token_places: token_places?,
            issuers: issuers?,
            operators: operator_keys?,
            accounts: accounts?,
            remember_passwords: remember_passwords?,
            throttle: throttle?,
        })
    }
}

const fn has_jwt(account: &AccountOptions) -> bool {
    matches!(account.source, AccountSource::Jwt { .. })
}

/// Returns the problems of the files that the table names, and of its tables among each other.
/// Fetches nothing.
pub(crate) fn check(file: &Path, identity: &Identity) -> Vec<Problem> {
    let problem =
        |error: &dyn Error, key: &str| Problem::error(file, with_causes(error)).at_key(key);
    let tokens = TokenVerifier::new(identity.issuers.clone()).err();
    let (accounts, operators) = (identity.accounts.clone(), identity.operators.clone());
    let accounts = TrustedAccounts::new(accounts, operators).err();
    let tokens = tokens.map(|error| problem(&error, "identity.issuers"));
    let accounts = accounts.map(|error| problem(&error, "identity.accounts"));
    tokens.into_iter().chain(accounts).collect()
}
