//! The user that a connection of a configuration logs in as.

use portcullis_claims::{UserCredentials, UserKey};
use portcullis_connect::{Authentication, SecretSource};
use portcullis_toml::Keyed;

/// Returns the user name or the public nkey of its user. `None` if the login has none,
/// or its secret cannot be read.
pub(crate) fn own_user(authentication: &Authentication<Keyed<SecretSource>>) -> Option<String> {
    match authentication {
        Authentication::Nkey(seed) | Authentication::UserJwt { seed, .. } => {
            let seed = seed.value.read().ok()?;
            let key = UserKey::from_seed(seed.expose()).ok()?;
            Some(key.public_key().to_owned())
        }
        Authentication::Credentials(source) => {
            let text = source.value.read().ok()?;
            let credentials = UserCredentials::parse(text.expose()).ok()?;
            Some(credentials.key().public_key().to_owned())
        }
        Authentication::Password { user, .. } => Some(user.clone()),
        Authentication::None | Authentication::Token(_) | Authentication::Renewed(_) => None,
    }
}
