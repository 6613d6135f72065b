//! Patterns for names: `*` matches one part, `**` matches one part or more.

mod parts;
#[cfg(test)]
mod tests;

use parts::{has_unescaped, join, parts};

use crate::kind::Kind;

/// A pattern for names of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    kind: Kind,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    /// A wildcard for one part.
    Any,
    /// A wildcard for one part or more.
    Rest,
    /// A wildcard for the value after this attribute of a distinguished name, such as `CN=`.
    Attribute(String),
}

/// The reason why a text is not a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPattern {
    #[error("it is empty, or a part of it is")]
    Empty,
    #[error(
        "a `*` stands for a whole part: between slashes, between dots, next to the `@`, or behind the `=`"
    )]
    PartialStar,
    #[error("a `**` may only stand at the end")]
    RestNotLast,
    #[error("a `**` may only stand at the beginning, as `**.example.com`")]
    RestNotFirst,
    #[error(
        "a place (`{{{{…}}}}`) is not possible here: a `*` stands for any part, and `{{{{1}}}}` in a subject for what it matches"
    )]
    Place,
    #[error("there is no `**` here")]
    NoRest,
    #[error("expected a SPIFFE id with its trust domain, as `spiffe://prod.example/ns/*/sa/api`")]
    NoSpiffeId,
    #[error("expected a URI with its scheme, as `https://example.com/*`")]
    NoUri,
    #[error("expected an e-mail address, as `*@example.com`")]
    NoEmail,
    #[error("expected a subject as RFC 4514 writes it, as `CN=*,O=Acme`")]
    NoSubject,
    #[error("expected the SHA-256 digest of a certificate, 64 hexadecimal digits")]
    NoFingerprint,
    #[error("expected `namespace/name`, as `prod/api` or `prod/*`")]
    NoServiceAccount,
}

impl Pattern {
    pub(crate) fn parse(kind: Kind, text: &str) -> Result<Self, InvalidPattern> {
        if text.contains("{{") || text.contains("}}") {
            return Err(InvalidPattern::Place);
        }
        let parts = parts(kind, text);
        check_form(kind, &parts)?;
        let last = parts.len().saturating_sub(1);
        let mut segments = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            segments.push(segment(kind, part, index == 0, index == last)?);
        }
        Ok(Self { kind, segments })
    }

    /// Returns the number of wildcards.
    pub(crate) fn wildcards(&self) -> usize {
        let is_wildcard = |segment: &&Segment| !matches!(segment, Segment::Text(_));
        self.segments.iter().filter(is_wildcard).count()
    }

    /// Returns what the wildcards match in `name`, from the left; `None` if the name does not
    /// match.
    pub(crate) fn captures(&self, name: &str) -> Option<Vec<String>> {
        let parts = parts(self.kind, name);
        let mut rest = parts.as_slice();
        let mut captures = Vec::new();
        for (index, segment) in self.segments.iter().enumerate() {
            let behind = self.segments.len().saturating_sub(index).saturating_sub(1);
            let count = match segment {
                Segment::Rest => rest.len().checked_sub(behind)?,
                _ => 1,
            };
            let (own, others) = rest.split_at_checked(count)?;
            match segment {
                Segment::Text(text) => (own == [text.as_str()]).then_some(())?,
                wildcard => captures.push(wildcard.value(self.kind, own)?),
            }
            rest = others;
        }
        rest.is_empty().then_some(captures)
    }
}

impl Segment {
    /// Returns the text that a wildcard matches; `None` if it does not match these parts.
    fn value(&self, kind: Kind, parts: &[String]) -> Option<String> {
        let (value, is_whole) = if let Self::Attribute(name) = self {
            // A part with several attributes is not the value of one attribute.
            let value = parts.first()?.strip_prefix(name.as_str())?;
            let is_one = !value.is_empty() && !has_unescaped(value, '+');
            (value.to_owned(), is_one)
        } else {
            let are_filled = parts.iter().all(|part| !part.is_empty());
            (join(kind, parts), are_filled && !parts.is_empty())
        };
        // A certificate for `*.example.com` does not identify a single host.
        (is_whole && !value.contains('*')).then_some(value)
    }
}

/// Checks the form of a pattern of this kind, apart from its wildcards.
fn check_form(kind: Kind, parts: &[String]) -> Result<(), InvalidPattern> {
    let is_filled = |parts: &[String]| parts.iter().all(|part| !part.is_empty());
    let first = parts.first().map_or("", String::as_str);
    match kind {
        Kind::Spiffe => match parts {
            [scheme, empty, domain, path @ ..]
                if scheme == "spiffe:" && empty.is_empty() && !domain.contains('*') =>
            {
                let filled = !domain.is_empty() && is_filled(path);
                filled.then_some(()).ok_or(InvalidPattern::Empty)
            }
            _ => Err(InvalidPattern::NoSpiffeId),
        },
        Kind::Uri => {
            let scheme = first.split_once(':').map_or("", |(scheme, _)| scheme);
            let is_uri = !scheme.is_empty() && !first.contains('*');
            is_uri.then_some(()).ok_or(InvalidPattern::NoUri)
        }
        Kind::Dns => is_filled(parts).then_some(()).ok_or(InvalidPattern::Empty),
        Kind::Email => match parts {
            [_, _] if is_filled(parts) => Ok(()),
            _ => Err(InvalidPattern::NoEmail),
        },
        Kind::Subject => {
            let is_attribute = |part: &String| part.find('=').is_some_and(|index| index > 0);
            let is_subject = parts.iter().all(is_attribute);
            is_subject.then_some(()).ok_or(InvalidPattern::NoSubject)
        }
        Kind::Fingerprint => {
            let is_digest = first.len() == 64 && first.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_digest.then_some(()).ok_or(InvalidPattern::NoFingerprint)
        }
        Kind::ServiceAccount => match parts {
            [_, _] if is_filled(parts) => Ok(()),
            _ => Err(InvalidPattern::NoServiceAccount),
        },
    }
}

fn segment(
    kind: Kind,
    part: &str,
    is_first: bool,
    is_last: bool,
) -> Result<Segment, InvalidPattern> {
    match (kind, part) {
        (Kind::Subject, _) => match part.strip_suffix('*') {
            Some(name) if name.ends_with('=') && !name.contains('*') => {
                Ok(Segment::Attribute(name.to_owned()))
            }
            _ if part.contains('*') => Err(InvalidPattern::PartialStar),
            _ => Ok(Segment::Text(part.to_owned())),
        },
        (Kind::Spiffe | Kind::Uri, "**") if is_last => Ok(Segment::Rest),
        (Kind::Spiffe | Kind::Uri, "**") => Err(InvalidPattern::RestNotLast),
        (Kind::Dns, "**") if is_first => Ok(Segment::Rest),
        (Kind::Dns, "**") => Err(InvalidPattern::RestNotFirst),
        (_, "**") => Err(InvalidPattern::NoRest),
        (_, "*") => Ok(Segment::Any),
        _ if part.contains('*') => Err(InvalidPattern::PartialStar),
        _ => Ok(Segment::Text(part.to_owned())),
    }
}
