//! Subjects with places for what is known of a login: `app.{{claim.sub}}.>`.
//!
//! # Places
//!
//! | place | what stands there |
//! | --- | --- |
//! | `{{principal}}` | [`Request::principal`](crate::Request::principal) |
//! | `{{username}}` | [`Request::username`](crate::Request::username): claimed, unless a password has matched |
//! | `{{issuer}}` | [`Request::issuer`](crate::Request::issuer) |
//! | `{{nkey}}` | [`Request::nkey`](crate::Request::nkey) |
//! | `{{groups}}` | each of [`Request::groups`](crate::Request::groups) |
//! | `{{claim.PATH}}` | each text of [`Request::claim`](crate::Request::claim) at `PATH` |
//!
//! and those that a policy has of its own, such as what its patterns have captured.
//!
//! # What cannot be smuggled in
//!
//! A value is written as one part of one token, whatever is in it. ASCII letters and digits and `-`, `_`, `@`, `+`, `=`, `:` and `/` stand as
//! they are; of everything else, each byte of its UTF-8 form is written as `%` and two upper-case hexadecimal digits. So a value has neither a
//! dot nor a wildcard nor white space, does not begin with `$`, and no two values are written alike. A client that has to know its subjects
//! writes its claims the same way: `alice@example.com` is `alice@example%2Ecom`.
//!
//! # No value, and several
//!
//! The rules are those of the templates of scoped signing keys (`nats-server`, `server/auth.go`). With several values a template makes a
//! subject for each, with several places for each combination, at most [`MAX_SUBJECTS`]. Without a value, an entry of an allow list is
//! dropped, and one of a deny list is a [`TemplateError`]: dropped, it would allow more than was meant. A value that is empty is none.

mod escape;
mod grants;
mod parse;
mod values;

use crate::profile::Subjects;

pub use grants::{GrantTemplates, Grants};
pub use parse::InvalidTemplate;
pub use values::Values;

/// How many subjects one template makes at most.
pub const MAX_SUBJECTS: usize = 256;

/// A text with places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// As it stands.
    Text(String),
    /// The value of this name.
    Place(String),
}

/// Why a template cannot be filled in for a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A place in a deny list has no value.
    #[error("a denied subject needs `{0}`, which the login does not have")]
    NoValue(String),
    /// There are too many combinations of values.
    #[error("the values of a template make more than {MAX_SUBJECTS} subjects")]
    TooMany,
}

/// The lists of one side of a permit, as templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectTemplates {
    allow: Vec<Template>,
    deny: Vec<Template>,
}

/// The name of a list, `allow` or `deny`, and what is wrong in it.
pub type Misplaced = (&'static str, InvalidTemplate);

impl Template {
    /// Reads a template that may have the places above, and those in `names`.
    ///
    /// ```
    /// use portcullis_sdk::template::Template;
    ///
    /// assert!(Template::parse("app.{{claim.sub}}.>", &[]).is_ok());
    /// let error = Template::parse("app.{{tenant}}.>", &[]).unwrap_err();
    /// assert!(error.to_string().starts_with("unknown place `{{tenant}}`"));
    /// assert!(Template::parse("app.{{tenant}}.>", &["tenant"]).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// When a place is not closed, empty or unknown.
    pub fn parse(text: &str, names: &[&str]) -> Result<Self, InvalidTemplate> {
        parse::parse(text, names).map(|parts| Self { parts })
    }

    /// The template with `x` in every place: what is around them has to be valid whatever stands in them.
    pub fn sample(&self) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Place(_) => "x",
        });
        parts.collect()
    }

    /// The subjects that `values` make of it, or the name that has no value.
    fn subjects(&self, values: &Values<'_>) -> Result<Result<Vec<String>, &str>, TemplateError> {
        let mut subjects = vec![String::new()];
        for part in &self.parts {
            match part {
                Part::Text(text) => {
                    for subject in &mut subjects {
                        subject.push_str(text);
                    }
                }
                Part::Place(name) => {
                    let found = values.escaped(name);
                    if found.is_empty() {
                        return Ok(Err(name));
                    }
                    if subjects.len().saturating_mul(found.len()) > MAX_SUBJECTS {
                        return Err(TemplateError::TooMany);
                    }
                    subjects = combined(&subjects, &found);
                }
            }
        }
        Ok(Ok(subjects))
    }
}

/// Every beginning with every end.
fn combined(beginnings: &[String], ends: &[String]) -> Vec<String> {
    let combined = beginnings
        .iter()
        .flat_map(|beginning| ends.iter().map(move |end| format!("{beginning}{end}")));
    combined.collect()
}

impl SubjectTemplates {
    /// Reads the lists of a side. The error is the name of a list and what is wrong in it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn parse(subjects: &Subjects, names: &[&str]) -> Result<Self, Vec<Misplaced>> {
        match Self::read(subjects, names) {
            (templates, problems) if problems.is_empty() => Ok(templates),
            (_, problems) => Err(problems),
        }
    }

    /// Those that can be read, and what is wrong with the others.
    fn read(subjects: &Subjects, names: &[&str]) -> (Self, Vec<Misplaced>) {
        let mut problems = Vec::new();
        let mut read = |list: &'static str, texts: &[String]| {
            let mut templates = Vec::with_capacity(texts.len());
            for text in texts {
                match Template::parse(text, names) {
                    Ok(template) => templates.push(template),
                    Err(problem) => problems.push((list, problem)),
                }
            }
            templates
        };
        let templates = Self {
            allow: read("allow", &subjects.allow),
            deny: read("deny", &subjects.deny),
        };
        (templates, problems)
    }

    /// Whether there is anything to allow. What a login gets of it may be nothing.
    pub fn allow_something(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Whether there is anything to deny.
    pub fn deny_something(&self) -> bool {
        !self.deny.is_empty()
    }

    /// The lists with `x` in every place.
    pub fn sample(&self) -> Subjects {
        let samples =
            |templates: &[Template]| templates.iter().map(Template::sample).collect::<Vec<_>>();
        Subjects {
            allow: samples(&self.allow),
            deny: samples(&self.deny),
        }
    }

    /// The lists for one login, in the order of the templates and of their values.
    ///
    /// # Errors
    ///
    /// When a denied subject has no value, or there are too many.
    pub fn expand(&self, values: &Values<'_>) -> Result<Subjects, TemplateError> {
        let mut subjects = Subjects::default();
        for template in &self.allow {
            if let Ok(made) = template.subjects(values)? {
                subjects.allow.extend(made);
            }
        }
        for template in &self.deny {
            let made = template.subjects(values)?;
            let made = made.map_err(|name| TemplateError::NoValue(name.to_owned()))?;
            subjects.deny.extend(made);
        }
        Ok(subjects)
    }
}

#[cfg(test)]
mod tests;
