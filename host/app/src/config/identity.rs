//! `[identity]`: what clients can present, and what proves it.

mod issuers;

use std::time::Duration;

use portcullis_identity::{IssuerOptions, TokenPlace};

use super::reader::Section;
use super::values::{Kind, SECONDS, TOKEN_PLACE};

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
        let issuers = issuers::read(section.section("issuers"));
        section.finish();
        Some(Self {
            token_places: token_places?,
            remember_passwords: remember_passwords?,
            issuers: issuers?,
        })
    }
}
