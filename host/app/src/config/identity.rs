//! `[identity]`: what clients can present, and what proves it.

mod issuers;

use portcullis_identity::{IssuerOptions, TokenPlace};

use super::reader::Section;
use super::values::TOKEN_PLACE;

/// The table `[identity]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where bearer tokens are looked for, in this order.
    pub token_places: Vec<TokenPlace>,
    /// `[identity.issuers.NAME]`: whose tokens are believed.
    pub issuers: Vec<IssuerOptions>,
}

impl Identity {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let token_places = match section.setting("token-places") {
            None => Some(TokenPlace::ALL.to_vec()),
            Some(setting) => setting.list(&TOKEN_PLACE),
        };
        let issuers = issuers::read(section.section("issuers"));
        section.finish();
        Some(Self {
            token_places: token_places?,
            issuers: issuers?,
        })
    }
}
