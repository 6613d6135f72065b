//! Account and user names with a place.

use portcullis_permit_rules::is_blank;
use portcullis_permit_rules::limits::MAX_TEXT;

use super::escape::stands_as_it_is;
use super::parse::{self, Piece};
use super::place::{Place, Scope};
use super::{TemplateError, Unfilled, Values, values};
use crate::Request;

/// An account or user name with or without a place. See the [module](super).
///
/// # Example
///
/// ```
/// use portcullis_sdk::Request;
/// use portcullis_sdk::template::{NameTemplate, Values};
///
/// let account = NameTemplate::account("tenant-{{claim.tenant}}", &[])?;
/// let name = |claims: &str| {
///     let request = Request::builder().claims(claims).build();
///     account.name(&Values::new(&request)).map_err(|reason| reason.to_string())
/// };
/// assert_eq!(name(r#"{ "tenant": "acme" }"#), Ok("tenant-acme".to_owned()));
/// assert_eq!(name("{}"), Err("the login has no `claim.tenant`".to_owned()));
/// assert_eq!(
///     name(r#"{ "tenant": "a b" }"#),
///     Err("`claim.tenant` of the login does not fit into an account name: expected at most 256 bytes of ASCII letters, digits and `-_@+=:/.`".to_owned()),
/// );
/// # Ok::<(), portcullis_sdk::template::TemplateError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTemplate {
    kind: Kind,
    before: String,
    place: Option<Place>,
    behind: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Account,
    UserName,
}

impl NameTemplate {
    /// Parses an account name. `own` are the names of the policy's own places.
    ///
    /// # Errors
    ///
    /// Fails if the template is malformed or makes no valid name.
    ///
    /// ```
    /// use portcullis_sdk::template::NameTemplate;
    ///
    /// assert!(NameTemplate::account("tenant-{{claim.tenant}}", &[]).is_ok());
    /// assert!(NameTemplate::account("no account", &[]).is_err());
    /// ```
    pub fn account(text: &str, own: &[&str]) -> Result<Self, TemplateError> {
        Self::parse(text, own, Kind::Account)
    }

    /// Parses a user name. `own` are the names of the policy's own places.
    ///
    /// # Errors
    ///
    /// Fails if the template is malformed or makes no valid name.
    ///
    /// ```
    /// use portcullis_sdk::template::NameTemplate;
    ///
    /// assert!(NameTemplate::user_name("Service {{name}}", &["name"]).is_ok());
    /// ```
    pub fn user_name(text: &str, own: &[&str]) -> Result<Self, TemplateError> {
        Self::parse(text, own, Kind::UserName)
    }

    fn parse(text: &str, own: &[&str], kind: Kind) -> Result<Self, TemplateError> {
        let pieces = parse::pieces(text, Scope::Name, own)?;
        let shape: String = pieces.iter().map(Piece::shape).collect();
        if let Some(problem) = kind.problem(&shape, text) {
            return Err(TemplateError::Name(problem));
        }
        let mut name = Self {
            kind,
            before: String::new(),
            place: None,
            behind: String::new(),
        };
        for piece in pieces {
            match (piece, &name.place) {
                (Piece::Text(text), None) => name.before = text,
                (Piece::Text(text), Some(_)) => name.behind = text,
                (Piece::Place(place), None) => name.place = Some(place),
                (Piece::Place(_), Some(_)) => {
                    let shown = text.escape_debug().to_string();
                    return Err(TemplateError::SharedName(shown));
                }
            }
        }
        Ok(name)
    }

    /// Returns the name for one login.
    ///
    /// # Errors
    ///
    /// Fails if the place has no value, several values, or a value that does not fit.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    /// use portcullis_sdk::template::{NameTemplate, Values};
    ///
    /// let template = NameTemplate::user_name("{{principal}}", &[])?;
    /// let request = Request::builder().principal("alice").proved().build();
    /// assert_eq!(template.name(&Values::new(&request))?, "alice");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(&self, values: &Values<'_>) -> Result<String, Unfilled> {
        let Some(place) = &self.place else {
            return Ok(self.before.clone());
        };
        let around = self.before.len().saturating_add(self.behind.len());
        let place_name = place.to_string();
        let value = self.kind.value(values.of(place), &place_name, around)?;
        Ok([&*self.before, &value, &*self.behind].concat())
    }
}

impl Kind {
    /// Returns the single value, if it fits into a name whose other text has `around` bytes.
    fn value(self, values: Vec<String>, place: &str, around: usize) -> Result<String, Unfilled> {
        let mut values = values.into_iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Err(Unfilled::Missing(place.to_owned())),
            (Some(_), Some(_)) => return Err(Unfilled::Several(place.to_owned())),
            (Some(value), None) => value,
        };
        let short = value.len().saturating_add(around) <= MAX_TEXT;
        if short && self.takes(&value) {
            return Ok(value);
        }
        let (what, expected) = match self {
            Self::Account => (
                "an account name",
                "expected at most 256 bytes of ASCII letters, digits and `-_@+=:/.`",
            ),
            Self::UserName => (
                "a user name",
                "expected at most 256 bytes without control characters",
            ),
        };
        Err(Unfilled::Unfit {
            place: place.to_owned(),
            what,
            expected,
        })
    }

    fn takes(self, value: &str) -> bool {
        match self {
            Self::Account => value
                .bytes()
                .all(|byte| stands_as_it_is(byte) || byte == b'.'),
            Self::UserName => !value.chars().any(char::is_control),
        }
    }

    /// Returns the problem of a name, or of the text around a place.
    fn problem(self, shape: &str, text: &str) -> Option<String> {
        let (what, rule) = match self {
            Self::Account => ("account", "white space and control characters"),
            Self::UserName => ("user", "control characters"),
        };
        let refused = match self {
            Self::Account => shape.chars().any(is_blank),
            Self::UserName => shape.chars().any(char::is_control),
        };
        (refused || shape.is_empty() || shape.len() > MAX_TEXT).then(|| {
            let shown = text.escape_debug();
            format!("invalid {what} name `{shown}`: expected 1 to {MAX_TEXT} bytes without {rule}")
        })
    }
}

/// Returns the user name of a token: from the first of these claims that the token has, else the
/// principal, if that is proved.
///
/// An `email` that the issuer has not verified (`email_verified`) does not count.
/// [`Issuers::user_name`](crate::issuers::Issuers::user_name) also tells the users of several
/// issuers apart.
///
/// # Errors
///
/// Fails if the first present claim has several values, or a value that does not fit into a user
/// name. Fails if the login has neither one of the claims nor a proved principal.
///
/// # Example
///
/// ```
/// use portcullis_sdk::Request;
/// use portcullis_sdk::template::user_name_from;
///
/// let request = Request::builder().oidc("https://id.example", r#"{ "email": "", "sub": "7", "name": "Zoe" }"#).build();
/// assert_eq!(user_name_from(&request, &["email", "name"]).as_deref(), Ok("Zoe"));
/// assert_eq!(user_name_from(&request, &["email"]).as_deref(), Ok("7"));
///
/// let claims = |verified| format!(r#"{{ "sub": "7", "email": "zoe@example.com", "email_verified": {verified} }}"#);
/// let name = |verified| {
///     let request = Request::builder().oidc("https://id.example", &claims(verified)).build();
///     user_name_from(&request, &["email", "sub"])
/// };
/// assert_eq!(name(true).as_deref(), Ok("zoe@example.com"));
/// assert_eq!(name(false).as_deref(), Ok("7"));
/// ```
pub fn user_name_from(request: &Request, claims: &[impl AsRef<str>]) -> Result<String, Unfilled> {
    user_name_with_prefix(request, claims, "")
}

/// Returns what [`user_name_from`] returns, with `prefix` before the name.
pub(crate) fn user_name_with_prefix(
    request: &Request,
    claims: &[impl AsRef<str>],
    prefix: &str,
) -> Result<String, Unfilled> {
    let around = prefix.len();
    for path in claims {
        let values = claim(request, path.as_ref());
        if !values.is_empty() {
            let name = Kind::UserName.value(values, &place_of(path.as_ref()), around)?;
            return Ok([prefix, &name].concat());
        }
    }
    let principal = Values::new(request).of(&Place::Principal);
    let name = Kind::UserName.value(principal, "principal", around)?;
    Ok([prefix, &name].concat())
}

/// Returns the account that a token names in this claim.
///
/// # Errors
///
/// Fails if the claim is missing, has several values, or has a value that is not allowed as an
/// account; see [`NameTemplate`].
///
/// # Example
///
/// ```
/// use portcullis_sdk::Request;
/// use portcullis_sdk::template::account_from;
///
/// let request = Request::builder().claims(r#"{ "account": "acme" }"#).build();
/// assert_eq!(account_from(&request, "account").as_deref(), Ok("acme"));
/// ```
pub fn account_from(request: &Request, path: &str) -> Result<String, Unfilled> {
    Kind::Account.value(claim(request, path), &place_of(path), 0)
}

fn claim(request: &Request, path: &str) -> Vec<String> {
    let mut values = values::claim(request, path);
    values.retain(|value| !value.is_empty());
    values
}

fn place_of(path: &str) -> String {
    format!("claim.{path}")
}
