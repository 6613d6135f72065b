//! Credentials of the service.

use portcullis_claims::KeyKind;
use portcullis_connect::SecretSource;
use portcullis_toml::kinds::TEXT;
use portcullis_toml::{Keyed, Read, Section};

use crate::sources::{NamedSecrets, SecretKind};

/// The credentials of the service. Secrets are read again for every connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// No credentials.
    Anonymous,
    /// A user seed (`SU…`) that signs a nonce.
    Nkey(Keyed<SecretSource>),
    /// A credentials file: a user JWT and its seed.
    Credentials(Keyed<SecretSource>),
    /// A user JWT and its seed in separate places.
    UserJwt {
        /// User JWT.
        jwt: Keyed<SecretSource>,
        /// Seed of the JWT's user (`SU…`).
        seed: Keyed<SecretSource>,
    },
    /// A user name and a password.
    Password {
        /// User name.
        user: String,
        /// Password.
        password: Keyed<SecretSource>,
    },
    /// A token.
    Token(Keyed<SecretSource>),
}

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

impl Authentication {
    pub(crate) fn read(section: &mut Section<'_>, secrets: &NamedSecrets) -> Option<Self> {
        let user_seed = SecretKind::Seed(KeyKind::User);
        let (text, creds) = (SecretKind::Text, SecretKind::Credentials);
        let jwt = secrets.read(section, "user-jwt-file", "user-jwt-env", text);
        let seed = secrets.read(section, "nkey-seed-file", "nkey-seed-env", user_seed);
        let credentials = secrets.read(section, "creds-file", "creds-env", creds);
        let user = section.setting("user");
        let password = secrets.read(section, "password-file", "password-env", text);
        let token = secrets.read(section, "token-file", "token-env", text);
        match way(section)? {
            None => Some(Self::Anonymous),
            Some("user-jwt-file" | "user-jwt-env") => Some(Self::UserJwt {
                jwt: jwt?,
                seed: seed?,
            }),
            Some("nkey-seed-file" | "nkey-seed-env") => seed.map(Self::Nkey),
            Some("creds-file" | "creds-env") => credentials.map(Self::Credentials),
            Some("token-file" | "token-env") => token.map(Self::Token),
            Some(_) => Some(Self::Password {
                user: user?.parse(&TEXT)?,
                password: password?,
            }),
        }
    }

    /// Returns the required secrets with their kinds.
    pub(crate) fn secrets(&self) -> Vec<(&Keyed<SecretSource>, SecretKind)> {
        let user_seed = SecretKind::Seed(KeyKind::User);
        match self {
            Self::Anonymous => Vec::new(),
            Self::Nkey(seed) => vec![(seed, user_seed)],
            Self::Credentials(source) => vec![(source, SecretKind::Credentials)],
            Self::UserJwt { jwt, seed } => vec![(jwt, SecretKind::Text), (seed, user_seed)],
            Self::Password { password, .. } => vec![(password, SecretKind::Text)],
            Self::Token(token) => vec![(token, SecretKind::Text)],
        }
    }
}

/// Converts the credentials to those of the connection library.
impl From<&Authentication> for portcullis_connect::Authentication {
    fn from(authentication: &Authentication) -> Self {
        let place = |source: &Keyed<SecretSource>| source.value.clone();
        match authentication {
            Authentication::Anonymous => Self::None,
            Authentication::Nkey(seed) => Self::Nkey(place(seed)),
            Authentication::Credentials(source) => Self::Credentials(place(source)),
            Authentication::UserJwt { jwt, seed } => Self::UserJwt {
                jwt: place(jwt),
                seed: place(seed),
            },
            Authentication::Password { user, password } => Self::Password {
                user: user.clone(),
                password: place(password),
            },
            Authentication::Token(token) => Self::Token(place(token)),
        }
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
    section.report_missing(key, format!("needs {needed} beside it"));
    None
}
