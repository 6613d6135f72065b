//! Credentials of the service.

use portcullis_claims::KeyKind;
use portcullis_connect::{Authentication, SecretSource};
use portcullis_toml::kinds::TEXT;
use portcullis_toml::{Keyed, Read, Section};

use crate::sources::{NamedSecrets, SecretKind};

/// Keys of each way to authenticate. The distinctive keys come first.
const WAYS: [&[&str]; 4] = [
    &[
        "user-jwt-file",
        "user-jwt-env",
        "nkey-seed-file",
        "nkey-seed-env",
    ],
    &["creds-file", "creds-env"],
    &["user", "password-file", "password-env"],
    &["token-file", "token-env"],
];

/// Reads the keys about authentication of a table `[nats]`.
pub(crate) fn read(
    section: &mut Section<'_>,
    secrets: &NamedSecrets,
) -> Option<Authentication<Keyed<SecretSource>>> {
    let user_seed = SecretKind::Seed(KeyKind::User);
    let (text, creds) = (SecretKind::Text, SecretKind::Credentials);
    let jwt = secrets.read(section, "user-jwt-file", "user-jwt-env", text);
    let seed = secrets.read(section, "nkey-seed-file", "nkey-seed-env", user_seed);
    let credentials = secrets.read(section, "creds-file", "creds-env", creds);
    let user = section.setting("user").map(|user| user.parse(&TEXT));
    let password = secrets.read(section, "password-file", "password-env", text);
    let token = secrets.read(section, "token-file", "token-env", text);
    match way(section)? {
        None => Some(Authentication::None),
        Some("user-jwt-file" | "user-jwt-env") => Some(Authentication::UserJwt {
            jwt: jwt?,
            seed: seed?,
        }),
        Some("nkey-seed-file" | "nkey-seed-env") => seed.map(Authentication::Nkey),
        Some("creds-file" | "creds-env") => credentials.map(Authentication::Credentials),
        Some("token-file" | "token-env") => token.map(Authentication::Token),
        Some(_) => Some(Authentication::Password {
            user: user??,
            password: password?,
        }),
    }
}

/// Returns the secrets of `authentication` with their kinds.
pub(crate) fn secrets(
    authentication: &Authentication<Keyed<SecretSource>>,
) -> Vec<(&Keyed<SecretSource>, SecretKind)> {
    let user_seed = SecretKind::Seed(KeyKind::User);
    match authentication {
        // The configuration has no login that renews itself.
        Authentication::None | Authentication::Renewed(_) => Vec::new(),
        Authentication::Nkey(seed) => vec![(seed, user_seed)],
        Authentication::Credentials(source) => vec![(source, SecretKind::Credentials)],
        Authentication::UserJwt { jwt, seed } => vec![(jwt, SecretKind::Text), (seed, user_seed)],
        Authentication::Password { password, .. } => vec![(password, SecretKind::Text)],
        Authentication::Token(token) => vec![(token, SecretKind::Text)],
    }
}

/// Returns the distinctive key of the way to authenticate. The inner `None` means that no way is
/// set. Reports a problem if several ways are set, or one is incomplete.
fn way(section: &Section<'_>) -> Read<Option<&'static str>> {
    let ways: Vec<&'static str> = WAYS
        .iter()
        .filter_map(|keys| keys.iter().find(|key| section.has(key)).copied())
        .collect();
    let missing = match ways.as_slice() {
        [] => {
            section.warn(
                "no way to authenticate is set, so servers will ask the callout about the callout; \
                 set `nkey-seed-file`",
            );
            return Some(None);
        }
        ["user"] => (
            "user",
            "`password-file` or `password-env`",
            ["password-file", "password-env"],
        ),
        [key @ ("user-jwt-file" | "user-jwt-env")] => (
            *key,
            "`nkey-seed-file` or `nkey-seed-env`",
            ["nkey-seed-file", "nkey-seed-env"],
        ),
        [key @ ("password-file" | "password-env")] => (*key, "`user`", ["user", "user"]),
        [key] => return Some(Some(key)),
        several => {
            section.report(format!(
                "more than one way to authenticate: `{}`; keep one",
                several.join("`, `")
            ));
            return None;
        }
    };
    let (key, needed, either) = missing;
    if either.iter().any(|key| section.has(key)) {
        return Some(Some(key));
    }
    section.report_missing(key, format!("needs {needed} next to it"));
    None
}
