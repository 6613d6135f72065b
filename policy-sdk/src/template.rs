//! Subjects, account names and user names with places for facts of the login: `app.{{claim.sub}}.>`.
//!
//! A template is parsed once, in `configure`, where everything that is wrong with it is an error. A decision fills it.
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
//! An e-mail address counts only if the issuer says that it has verified it (`email_verified` is true), and a telephone number likewise
//! (`phone_number_verified`): otherwise `{{claim.email}}` has no value. Only `sub` is promised to be one user's, and only within its
//! issuer; [`issuers`](crate::issuers) tells the users of several issuers apart.
//!
//! A policy can have places of its own ([`Values::with`]). Nothing a client merely claims has a place: whoever may choose a fact chooses
//! the subject. Blanks beside the braces do not matter.
//!
//! # Subjects
//!
//! A value never brings a wildcard, a dot, white space, a control character or a leading `$` into a subject. ASCII letters, digits and
//! `-_@+=:/` stand as they are, and every other byte of the value's UTF-8 form becomes `%` and two upper-case hexadecimal digits
//! ([`escape`]): `alice@example.com` becomes `alice@example%2Ecom`. Two different values never become one. So a filled
//! template has the tokens of the template, and matches nothing that the template with `*` for each place would not match. Begin a
//! subject with a token of your own: what is permitted by `{{claim.sub}}.>` begins with whatever stands in the token.
//!
//! A token has one place at most, and no wildcard beside it. (With `{{claim.a}}-{{claim.b}}`, `x-y` and `z` would be `x` and `y-z`.)
//!
//! A place with several values makes one subject for each, several places one for each combination, and a place that stands twice has
//! the same value in both. One template makes at most [`MAX_SUBJECTS`](Template::MAX_SUBJECTS).
//!
//! An empty value is none. What a template without a value means is for the list it stands in to say, and
//! [`Combination`](crate::profile::Combination) does as servers do with scoped signing keys: an allow list goes without the entry, a
//! deny list denies the login.
//!
//! # Accounts and user names
//!
//! A [`NameTemplate`] has one place at most, and the place exactly one value. Nothing is escaped; a value that does not fit is
//! refused. In an account name a value has ASCII letters, digits and `-_@+=:/.` only, so that none is `$G` or `$SYS`. An account is
//! who one's neighbours are: take it only from claims that your identity provider alone decides about.

mod error;
mod escape;
mod name;
mod parse;
mod place;
#[cfg(test)]
mod tests;
mod values;

pub use error::{TemplateError, Unfilled};
pub use escape::escape;
pub(crate) use name::user_name_with_prefix;
pub use name::{NameTemplate, account_from, user_name_from};
pub use values::Values;

use crate::permit::subject::{MAX_SUBJECT, subject_problem};
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
    /// The most subjects of one template.
    pub const MAX_SUBJECTS: usize = 256;

    /// A subject to publish on. `own` are the policy's own places.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn publish(text: &str, own: &[&str]) -> Result<Self, TemplateError> {
        Self::parse(text, own, false)
    }

    /// A subject to subscribe to, or `subject queue`. `own` are the policy's own places.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn subscribe(text: &str, own: &[&str]) -> Result<Self, TemplateError> {
        Self::parse(text, own, true)
    }

    fn parse(text: &str, own: &[&str], with_queue: bool) -> Result<Self, TemplateError> {
        let pieces = parse::pieces(text, Scope::Subject, own)?;
        parse::check_tokens(text, &pieces)?;
        let shape: String = pieces.iter().map(Piece::shape).collect();
        if let Some(problem) = subject_problem(&shape, with_queue) {
            let template = text.escape_debug().to_string();
            return Err(TemplateError::Subject { template, problem });
        }
        Ok(Self {
            text: text.to_owned(),
            pieces,
        })
    }

    /// The first place that says who the user is, in words for an error; `with_name` leaves `{{user-name}}` out.
    pub(crate) fn user_place(&self, with_name: bool) -> Option<String> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Place(Place::UserName) if with_name => None,
            Piece::Place(place) if place.is_of_user() => Some(format!("`{{{{{place}}}}}`")),
            _ => None,
        })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The subjects for one login: one without places, else one for each combination of values, in the order of the values.
    ///
    /// # Errors
    ///
    /// A place without a value, too many subjects, or one that is too long.
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
        if subjects.iter().any(|subject| subject.len() > MAX_SUBJECT) {
            return Err(self.too_long());
        }
        Ok(subjects)
    }

    /// The values of one place, escaped, each once.
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

    /// Adds a subject for each combination of what is left of `axes`.
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
