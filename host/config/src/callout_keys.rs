//! The public keys that servers can expect of a host.

use portcullis_claims::{KeyError, KeyKind};

use crate::secrets::Secrets;
use crate::seeds::public_key;

/// The public keys that servers can expect of a host, for tools that compare them with `issuer` and
/// `xkey` of a server's `auth_callout`. Each server can expect any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalloutKeys {
    /// The keys that sign responses (`A…`), the main one first. In operator mode there is one,
    /// which the callout account's JWT has to list.
    pub issuers: Vec<String>,
    /// The keys that open requests (`X…`), the main one first.
    pub xkeys: Vec<String>,
    /// Whether the host accepts requests that are not encrypted.
    pub accepts_plain: bool,
}

impl Secrets {
    /// Returns the public keys that servers can expect of the host.
    ///
    /// # Errors
    ///
    /// Fails if a seed is damaged, which
    /// [`Config::resolve_secrets`](crate::Config::resolve_secrets) rules out.
    pub fn callout_keys(&self) -> Result<CalloutKeys, KeyError> {
        let others = self.other_keys.iter();
        let issuers = others.clone().filter_map(|keys| keys.issuer_seed.as_ref());
        let issuers = std::iter::once(&self.issuer_seed).chain(issuers);
        let xkeys = others.filter_map(|keys| keys.xkey_seed.as_ref());
        let xkeys = self.xkey_seed.iter().chain(xkeys);
        Ok(CalloutKeys {
            issuers: issuers
                .map(|seed| public_key(seed.expose(), KeyKind::Account))
                .collect::<Result<_, _>>()?,
            xkeys: xkeys
                .map(|seed| public_key(seed.expose(), KeyKind::Curve))
                .collect::<Result<_, _>>()?,
            accepts_plain: self.xkey_seed.is_none(),
        })
    }
}
