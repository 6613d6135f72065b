//! The keys of identity providers.

use portcullis_config::Config;
use portcullis_core::with_causes;
use portcullis_identity::TokenVerifier;

use crate::doctor::evidence::IssuerKeys;

/// Fetches the keys of every issuer, as the host does.
pub(super) async fn fetch(config: &Config) -> Vec<IssuerKeys> {
    let verifier = match TokenVerifier::new(config.identity.issuers.clone()) {
        Ok(verifier) => verifier,
        Err(error) => {
            let keys = Err(with_causes(&error));
            let name = "[identity.issuers]".to_owned();
            let required = false;
            return vec![IssuerKeys {
                name,
                keys,
                required,
            }];
        }
    };
    verifier.fetch_all().await;
    let statuses = verifier.status().into_iter();
    let keys = statuses.map(|status| IssuerKeys {
        name: status.name,
        keys: match status.error {
            Some(error) => Err(error),
            None => Ok(status.keys),
        },
        required: status.required,
    });
    keys.collect()
}
