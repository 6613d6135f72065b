//! The presented credentials, compared with the identity.

use portcullis_core::{Credentials, Identity, Method, PresentedNkey, Strength};

/// Credentials that contradict the identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresentedProblem {
    /// Credentials with which the login has another method.
    #[error(
        "a client that presents {presented} does not have the method `{method}`: leave {presented} out, or correct \
         `method`",
        method = method.as_str()
    )]
    Method {
        /// The credential.
        presented: &'static str,
        /// The stated method.
        method: Method,
    },
    /// A principal by a method that names none.
    #[error("the method `{method}` names no principal: leave `principal` out", method = .0.as_str())]
    Nameless(Method),
    /// A principal that is not the user name.
    #[error(
        "the principal of a password is the user name: write the same in `principal` and `login.username`"
    )]
    UserName,
    /// A principal that is not the presented nkey.
    #[error("the principal of an nkey is the nkey: write the same in `principal` and `login.nkey`")]
    PresentedNkey,
    /// A principal that is not the proved nkey.
    #[error(
        "the principal is the nkey that the client has proved: write the same in `principal` and `nkey`"
    )]
    ProvedNkey,
    /// A principal of a user JWT that nothing proves.
    #[error(
        "a user JWT without a proof names no principal: leave `principal` out, or add the proof"
    )]
    UnprovedJwt,
}

impl PresentedProblem {
    /// Returns the path of the value at fault, below `login`.
    pub(super) const fn place(&self) -> &'static [&'static str] {
        match self {
            Self::Method { .. } => &["identity", "method"],
            _ => &["identity", "principal"],
        }
    }
}

/// Checks the identity against what the client presents. Credentials may be missing, because
/// records have no secrets.
pub(super) fn check(
    credentials: &Credentials,
    identity: &Identity,
) -> Result<(), PresentedProblem> {
    let method = identity.method;
    if let Some(presented) = excluding(credentials, method) {
        return Err(PresentedProblem::Method { presented, method });
    }
    let Some(principal) = identity.principal.as_deref() else {
        return Ok(());
    };
    let is_nkey = identity
        .nkey
        .as_ref()
        .map(|nkey| nkey.as_str() == principal);
    let presented = credentials.nkey.as_ref().map(PresentedNkey::as_str);
    let problem = match method {
        Method::Password if credentials.username.as_deref() != Some(principal) => {
            PresentedProblem::UserName
        }
        Method::Token | Method::None => PresentedProblem::Nameless(method),
        Method::Nkey if presented.is_some_and(|nkey| nkey != principal) => {
            PresentedProblem::PresentedNkey
        }
        Method::Nkey | Method::Jwt if is_nkey == Some(false) => PresentedProblem::ProvedNkey,
        Method::Jwt if identity.strength == Strength::Claimed => PresentedProblem::UnprovedJwt,
        _ => return Ok(()),
    };
    Err(problem)
}

/// Returns a presented credential with which no login has this method, with any other credentials.
/// [`Credentials::method`] has the order of the methods.
fn excluding(credentials: &Credentials, method: Method) -> Option<&'static str> {
    let Credentials {
        username,
        password,
        token,
        jwt,
        nkey,
        ..
    } = credentials;
    let token = token.as_ref().map(|_| "`token`");
    let other_password = password
        .as_ref()
        .filter(|password| jwt.as_ref().is_some_and(|jwt| jwt != *password));
    match method {
        Method::Token | Method::Oidc => None,
        Method::Password => token,
        Method::Jwt => token.or(other_password.map(|_| "`password`")),
        Method::Nkey => jwt.as_ref().map(|_| "`jwt`"),
        Method::Certificate | Method::None => token
            .or(password.as_ref().map(|_| "`password`"))
            .or(jwt.as_ref().map(|_| "`jwt`"))
            .or(nkey.as_ref().map(|_| "`nkey`"))
            .or(username.as_ref().map(|_| "`username`")),
    }
}
