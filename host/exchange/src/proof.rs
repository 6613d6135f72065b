//! The proof that a caller holds the seed of its nkey.

use data_encoding::BASE64URL_NOPAD;
use portcullis_claims::{PublicKey, VerifyingKey};
use serde::Deserialize;
use utoipa::ToSchema;

/// First line of the text that the caller signs.
const LABEL: &str = "portcullis-exchange-v1";

/// The proof that the caller holds the seed of its nkey.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    /// A nonce of `POST /v1/nonces`.
    #[schema(pattern = "^[A-Za-z0-9_-]+$")]
    pub(crate) nonce: String,
    /// The signature of `portcullis-exchange-v1`, the nonce and the nkey, a line each, in
    /// base64url.
    #[schema(pattern = "^[A-Za-z0-9_-]{86}(==)?$")]
    pub(crate) signature: String,
}

impl Proof {
    /// Returns the text that a caller with `nkey` signs.
    pub(crate) fn message(&self, nkey: &PublicKey) -> String {
        format!("{LABEL}\n{}\n{nkey}", self.nonce)
    }

    /// Returns whether the signature is by `nkey`.
    pub(crate) fn is_by(&self, nkey: &PublicKey) -> bool {
        let signature = self.signature.trim_end_matches('=');
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes());
        signature.is_ok_and(|bytes| nkey.verifies(self.message(nkey).as_bytes(), &bytes))
    }
}
