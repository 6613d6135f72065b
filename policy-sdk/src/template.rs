//! Templates of subjects, account names and user names, with places for facts of the login:
//! `app.{{claim.sub}}.>`.
//!
//! A policy parses a template once, in `configure`, where every problem is an error. Each decision
//! fills it.
//!
//! # Places
//!
//! | place | stands for |
//! | --- | --- |
//! | `{{claim.PATH}}` | what a verified token or user JWT says at `PATH`, as in [`Request::claim`](crate::Request::claim): `{{claim.sub}}`, `{{claim.org.unit}}`, `{{claim./org/unit}}` |
//! | `{{tag.NAME}}` | `VALUE` of every tag `NAME:VALUE` of a user JWT whose issuer the host trusts |
//! | `{{group}}` | the login's groups and roles, from the claims that the token's issuer is configured with |
//! | `{{principal}}` | who the client is, if that is proved |
//! | `{{nkey}}` | the public nkey that the client has proved to hold |
//! | `{{account}}` | the account of the permit; in subjects only |
//! | `{{user-name}}` | the user name of the permit; in subjects only |
//!
//! An e-mail address counts only if the issuer says that it has verified it (`email_verified` is
//! true). The same holds for a telephone number (`phone_number_verified`). Otherwise
//! `{{claim.email}}` has no value. Only `sub` is guaranteed to belong to one user, and only within
//! its issuer; [`issuers`](crate::issuers) tells the users of several issuers apart.
//!
//! Other forms of places are errors: `{user}`, `${user}`, and `{{name()}}`, which servers fill for
//! scoped signing keys.
//!
//! A policy can have places of its own ([`Values::with`]). No place stands for a fact that a client
//! merely claims: a client that can choose the fact would choose the subject. Blanks inside the
//! braces have no meaning.
//!
//! # Subjects
//!
//! A value never brings a wildcard, a dot, white space, a control character or a leading `$` into a
//! subject. ASCII letters, digits and `-_@+=:/` stay as they are. Every other byte of the value's
//! UTF-8 form becomes `%` and two upper-case hexadecimal digits ([`escape`]): `alice@example.com`
//! becomes `alice@example%2Ecom`. Two different values never become equal.
//!
//! A filled template therefore has the tokens of the template. It matches only what the template
//! with `*` for each place would match. Begin a subject with a token of your own: the first token
//! of `{{claim.sub}}.>` may be any value.
//!
//! A token has at most one place, and no wildcard next to it. (With `{{claim.a}}-{{claim.b}}`, the
//! values `x-y` and `z` would give the same subject as `x` and `y-z`.)
//!
//! A place with several values gives one subject for each value, and several places give one for
//! each combination. A place that occurs twice has the same value in both positions. One template
//! gives at most [`MAX_SUBJECTS`](Template::MAX_SUBJECTS) subjects.
//!
//! An empty value counts as missing. The list decides what a template without a value means.
//! [`Combination`](crate::profile::Combination) does as servers do with scoped signing keys: an
//! allow list omits the entry, a deny list denies the login.
//!
//! # Accounts and user names
//!
//! A [`NameTemplate`] has at most one place, and the place has exactly one value. A value is not
//! escaped; the decision fails if it does not fit. In an account name, a value consists of ASCII
//! letters, digits and `-_@+=:/.` only, so that it is never `$G` or `$SYS`. The account decides
//! which other users the login shares subjects with: take it only from claims that your identity
//! provider alone controls.

mod braces;
mod error;
mod escape;
mod name;
mod parse;
mod place;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use braces::literal_problem;
pub use braces::place_in;
pub use error::{TemplateError, Unfilled};
pub use escape::escape;
pub(crate) use name::user_name_with_prefix;
pub use name::{NameTemplate, account_from, user_name_from};
pub use values::Values;

use portcullis_permit_rules::limits::MAX_SUBJECT_LEN;
use portcullis_permit_rules::subject::{SubjectProblem, publish_problem, subscribe_problem};

use parse::Piece;
use place::{Place, Scope};

/// A subject with places. See the [module](self).
///
/// # Example
///
/// ```
/// use portcullis_sdk::Request;
/// use portcullis_sdk::template::{Template, Values};
///
/// let template = Template::subscribe("app.{{claim.sub}}.{{claim.teams}}.>", &[])?;
/// let request = Request::builder()
///     .claims(r#"{ "sub": "a.b", "teams": ["red", "*"] }"#)
///     .build();
/// assert_eq!(
///     template.subjects(&Values::new(&request))?,
///     ["app.a%2Eb.red.>", "app.a%2Eb.%2A.>"],
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

impl Template {
    /// The maximum number of subjects that one template gives.
    pub const MAX_SUBJECTS: usize = error::MAX_SUBJECTS;

    /// Parses a subject to publish on. `own` are the names of the policy's own places.
    ///
    /// # Errors
    ///
    /// Fails if the template is malformed or makes no valid subject.
    ///
    /// ```
    /// use portcullis_sdk::template::Template;
    ///
    /// assert!(Template::publish("app.{{claim.sub}}.>", &[]).is_ok());
    /// assert!(Template::publish("app.{{claim.sub}}*", &[]).is_err());
    /// ```
    pub fn publish(text: &str, own: &[&str]) -> Result<Self, TemplateError> {
        Self::parse(text, own, publish_problem)
    }

    /// Parses a subject to subscribe to, or `subject queue`. `own` are the names of the policy's
    /// own places.
    ///
    /// # Errors
    ///
    /// Fails if the template is malformed or makes no valid subject.
    ///
    /// ```
    /// use portcullis_sdk::template::Template;
    ///
    /// assert!(Template::subscribe("app.{{shard}} workers", &["shard"]).is_ok());
    /// ```
    pub fn subscribe(text: &str, own: &[&str]) -> Result<Self, TemplateError> {
        Self::parse(text, own, subscribe_problem)
    }

    fn parse(
        text: &str,
        own: &[&str],
        problem: fn(&str) -> Option<SubjectProblem>,
    ) -> Result<Self, TemplateError> {
        let pieces = parse::pieces(text, Scope::Subject, own)?;
        parse::check_tokens(text, &pieces)?;
        let shape: String = pieces.iter().map(Piece::shape).collect();
        if let Some(problem) = problem(&shape) {
            let template = text.escape_debug().to_string();
            let problem = problem.as_str();
            return Err(TemplateError::Subject { template, problem });
        }
        Ok(Self {
            text: text.to_owned(),
            pieces,
        })
    }

    /// Returns the first place that identifies the user, worded for an error. With `with_name`,
    /// `{{user-name}}` does not count.
    pub(crate) fn user_place(&self, with_name: bool) -> Option<String> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Place(Place::UserName) if with_name => None,
            Piece::Place(place) if place.is_of_user() => Some(format!("`{{{{{place}}}}}`")),
            _ => None,
        })
    }

    /// Returns the template's text.
    ///
    /// ```
    /// use portcullis_sdk::template::Template;
    ///
    /// assert_eq!(Template::publish("a.{{group}}", &[])?.as_str(), "a.{{group}}");
    /// # Ok::<(), portcullis_sdk::template::TemplateError>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the subjects for one login: one for each combination of values, in the order of the
    /// values. A template without places gives one subject.
    ///
    /// # Errors
    ///
    /// Fails if a place has no value, if there are too many subjects, or if one is too long.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    /// use portcullis_sdk::template::{Template, Values};
    ///
    /// let template = Template::publish("a.{{group}}", &[])?;
    /// let request = Request::builder().groups(["red", "blue"]).build();
    /// assert_eq!(template.subjects(&Values::new(&request))?, ["a.red", "a.blue"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn subjects(&self, values: &Values<'_>) -> Result<Vec<String>, Unfilled> {
        let mut axes: Vec<(&Piece, Vec<String>)> = Vec::new();
        let mut count: usize = 1;
        for piece in &self.pieces {
            let Piece::Place(place) = piece else { continue };
            if axes.iter().any(|(known, _)| *known == piece) {
                continue;
            }
            let options = self.options(&values.of(place), &place.to_string())?;
            count = count.saturating_mul(options.len());
            axes.push((piece, options));
        }
        if count > Self::MAX_SUBJECTS {
            return Err(self.too_many());
        }
        let mut subjects = Vec::with_capacity(count);
        self.fill(&axes, &mut Vec::new(), &mut subjects);
        if subjects
            .iter()
            .any(|subject| subject.len() > MAX_SUBJECT_LEN)
        {
            return Err(self.too_long());
        }
        Ok(subjects)
    }

    /// Returns the distinct values of one place, escaped.
    fn options(&self, values: &[String], place: &str) -> Result<Vec<String>, Unfilled> {
        if values.len() > Self::MAX_SUBJECTS {
            return Err(self.too_many());
        }
        let mut options = Vec::with_capacity(values.len());
        for value in values.iter().map(|value| escape(value)) {
            if !options.contains(&value) {
                options.push(value);
            }
        }
        if options.is_empty() {
            return Err(Unfilled::Missing(place.to_owned()));
        }
        Ok(options)
    }

    /// Adds a subject for each combination of the remaining `axes`.
    fn fill<'values>(
        &self,
        axes: &'values [(&Piece, Vec<String>)],
        chosen: &mut Vec<(&'values Piece, &'values str)>,
        subjects: &mut Vec<String>,
    ) {
        let Some(((place, options), rest)) = axes.split_first() else {
            subjects.push(
                self.pieces
                    .iter()
                    .map(|piece| filled(piece, chosen))
                    .collect(),
            );
            return;
        };
        for option in options {
            chosen.push((place, option));
            self.fill(rest, chosen, subjects);
            chosen.pop();
        }
    }

    fn too_many(&self) -> Unfilled {
        let template = self.text.clone();
        Unfilled::TooMany { template }
    }

    fn too_long(&self) -> Unfilled {
        let place = self.pieces.iter().find_map(|piece| match piece {
            Piece::Place(place) => Some(place.to_string()),
            Piece::Text(_) => None,
        });
        Unfilled::TooLong {
            template: self.text.clone(),
            place: place.unwrap_or_default(),
        }
    }
}

fn filled<'piece>(piece: &'piece Piece, chosen: &[(&Piece, &'piece str)]) -> &'piece str {
    match piece {
        Piece::Text(text) => text,
        Piece::Place(_) => chosen
            .iter()
            .find_map(|(place, value)| (*place == piece).then_some(*value))
            .unwrap_or_default(),
    }
}
