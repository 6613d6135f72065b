//! The issuers whose tokens a policy decides, and how it tells their users apart.
//!
//! A subject (`sub`) identifies a user within one issuer only: another issuer may give the same
//! text to a different user. Settings therefore name one issuer, or give each issuer a name that
//! prefixes the user names of its tokens.
//!
//! | settings | decided | user name |
//! | --- | --- | --- |
//! | no `issuers` | tokens of every issuer that the host trusts | as the token has it; not for subjects |
//! | `issuers = ["https://id.example"]` | tokens of this issuer | as the token has it |
//! | `issuers = ["https://a.example", "https://b.example"]` | tokens of these | as the token has it; not for subjects |
//! | `issuers = { "https://a.example" = "a", "https://b.example" = "b" }` | tokens of these | `a/` or `b/`, and what the token has |

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::profile::ProfileTemplate;
use crate::restriction::EMPTY;
use crate::template::{Unfilled, user_name_from, user_name_with_prefix};
use crate::{Request, SettingsError};

/// Characters that a name may contain in addition to ASCII letters and digits.
const MARKS: [char; 3] = ['-', '_', '.'];

/// The issuers whose tokens a policy decides. See the [module](self).
///
/// ```
/// use portcullis_sdk::Request;
/// use portcullis_sdk::issuers::Issuers;
///
/// let issuers: Issuers = serde_json::from_str(r#"{ "https://a.example": "a", "https://b.example": "b" }"#)?;
/// let name = |issuer: &str| {
///     let request = Request::builder().oidc(issuer, r#"{ "sub": "7" }"#).build();
///     issuers.user_name(&request, &["sub"])
/// };
/// assert_eq!(name("https://a.example").as_deref(), Ok("a/7"));
/// assert_eq!(name("https://b.example").as_deref(), Ok("b/7"));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// `Issuers::default()` names none, so the policy decides the tokens of every issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issuers(Option<Vec<Known>>);

/// One configured issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    /// The issuer's `iss`.
    issuer: String,
    /// The prefix of the user names of this issuer's tokens, without the slash.
    name: Option<String>,
}

impl Issuers {
    /// Returns whether the policy decides a login: the login has a token of one of these issuers,
    /// or the settings leave the issuers out.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    /// use portcullis_sdk::issuers::Issuers;
    ///
    /// let issuers: Issuers = serde_json::from_str(r#"["https://a.example"]"#)?;
    /// let login = |issuer| Request::builder().oidc(issuer, "{}").build();
    /// assert!(issuers.decide(&login("https://a.example")));
    /// assert!(!issuers.decide(&login("https://b.example")));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn decide(&self, request: &Request) -> bool {
        self.0.is_none() || self.of(request).is_some()
    }

    fn of(&self, request: &Request) -> Option<&Known> {
        let issuer = request.issuer()?;
        self.known().iter().find(|known| known.issuer == issuer)
    }

    /// Returns the issuers that the settings name.
    fn known(&self) -> &[Known] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns the user name of a login: the first of `claims` that the login has, else the login's
    /// principal. If the issuer has a name, it precedes the user name. See [`user_name_from`].
    ///
    /// # Errors
    ///
    /// Fails if [`user_name_from`] does, or if the issuers have names and the login is from none of
    /// them.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    /// use portcullis_sdk::issuers::Issuers;
    ///
    /// let issuers: Issuers = serde_json::from_str(r#"["https://a.example"]"#)?;
    /// let request = Request::builder().oidc("https://a.example", r#"{ "sub": "7" }"#).build();
    /// assert_eq!(issuers.user_name(&request, &["email", "sub"]).as_deref(), Ok("7"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn user_name(
        &self,
        request: &Request,
        claims: &[impl AsRef<str>],
    ) -> Result<String, Unfilled> {
        if self.known().iter().all(|known| known.name.is_none()) {
            return user_name_from(request, claims);
        }
        let name = self.of(request).and_then(|known| known.name.as_deref());
        let name = name.ok_or_else(|| Unfilled::Missing("issuer".to_owned()))?;
        user_name_with_prefix(request, claims, &format!("{name}/"))
    }

    /// Returns the problems of these issuers. `key` is the place in the settings that problems are
    /// reported at.
    ///
    /// ```
    /// use portcullis_sdk::issuers::Issuers;
    ///
    /// let issuers: Issuers = serde_json::from_str(r#"[""]"#)?;
    /// let problems = issuers.problems("issuers");
    /// assert_eq!(problems[0].to_string(), "issuers: an empty text names nothing");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn problems(&self, key: &str) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        if self.known().iter().any(|known| known.issuer.is_empty()) {
            problems.push(SettingsError::at(key, "an empty text names nothing"));
        }
        let mut names = BTreeSet::new();
        for known in self.known() {
            let Some(name) = &known.name else { continue };
            let is_mark = |letter: char| letter.is_ascii_alphanumeric() || MARKS.contains(&letter);
            if name.is_empty() || name.len() > 64 || !name.chars().all(is_mark) {
                let shown = name.escape_debug();
                let problem = format!(
                    "invalid name `{shown}`: expected 1 to 64 ASCII letters, digits and `-_.`"
                );
                problems.push(SettingsError::at(key, problem));
            }
            if !names.insert(name) {
                let problem = format!(
                    "two issuers have the name `{name}`: their users would not be told apart"
                );
                problems.push(SettingsError::at(key, problem));
            }
        }
        problems
    }

    /// Returns the problem of a profile whose subjects identify the user without telling the users
    /// of several issuers apart. `key` is the place in the settings that the problem is reported
    /// at.
    ///
    /// ```
    /// use portcullis_sdk::issuers::Issuers;
    /// use portcullis_sdk::profile::Profile;
    ///
    /// let own: Profile =
    ///     serde_json::from_str(r#"{ "publish": { "allow": ["app.{{claim.sub}}.>"] } }"#)?;
    /// let own = own.template("groups.own", &[])?;
    /// let one: Issuers = serde_json::from_str(r#"["https://a.example"]"#)?;
    /// assert_eq!(one.problem_of(&own, "groups.own"), None);
    /// let two: Issuers = serde_json::from_str(r#"["https://a.example", "https://b.example"]"#)?;
    /// assert!(two.problem_of(&own, "groups.own").is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn problem_of(&self, profile: &ProfileTemplate, key: &str) -> Option<SettingsError> {
        let has_names = self.known().iter().any(|known| known.name.is_some());
        if self.known().len() == 1 && !has_names {
            return None;
        }
        let place = profile.user_place(has_names)?;
        let way_out = if has_names {
            "write `{{user-name}}`, which begins with the issuer's name"
        } else {
            "name the one issuer in `issuers = [\"https://…\"]`, or give each a name in `issuers = { \"https://…\" = \"name\" }`"
        };
        let problem =
            format!("{place} does not tell the users of several issuers apart: {way_out}");
        Some(SettingsError::at(key, problem))
    }
}

impl<'de> Deserialize<'de> for Issuers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

/// Returns the issuers of a list or table, which must name some.
fn named<E: Error>(issuers: Vec<Known>) -> Result<Issuers, E> {
    if issuers.is_empty() {
        return Err(E::custom(EMPTY));
    }
    Ok(Issuers(Some(issuers)))
}

/// A visitor that reads a list of issuers, or a table with their names.
struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Issuers;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("a list of issuers, or a table like { \"https://id.example\" = \"name\" }")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Issuers, A::Error> {
        let mut issuers = Vec::new();
        while let Some(issuer) = access.next_element()? {
            issuers.push(Known { issuer, name: None });
        }
        named(issuers)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Issuers, A::Error> {
        let mut issuers = Vec::new();
        while let Some((issuer, name)) = access.next_entry()? {
            let name = Some(name);
            issuers.push(Known { issuer, name });
        }
        named(issuers)
    }
}
