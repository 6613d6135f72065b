//! Expansion of the placeholders in one list of subjects.

use super::super::version::ServerVersion;
use super::values::{MAX_SUBJECTS, TemplateProblem, Values, is_subject};

/// The meaning of a placeholder.
enum Meaning {
    /// One text.
    Text(String),
    /// The values of a tag, each of which gives one subject.
    Tag(Vec<String>),
    /// A tag that is missing.
    NoTag,
    /// A placeholder that this server does not know.
    Unknown,
}

/// Returns the entries with their placeholders replaced. An entry that becomes no subject is
/// dropped in an allow list, and is a problem in a deny list.
pub(super) fn expand(
    entries: &[String],
    values: Values<'_>,
    is_deny: bool,
    version: ServerVersion,
) -> Result<Vec<String>, TemplateProblem> {
    let anywhere = version.finds_templates_anywhere();
    let has_placeholder = |entry: &String| {
        if anywhere {
            next_placeholder(entry).is_some()
        } else {
            entry.split('.').any(|token| whole_token(token).is_some())
        }
    };
    if !entries.iter().any(has_placeholder) {
        return Ok(entries.to_vec());
    }
    let mut list = Expansion {
        subjects: Vec::with_capacity(entries.len()),
        is_deny,
        bounded: version.bounds_templates(),
    };
    for entry in entries {
        if anywhere {
            list.add_anywhere(entry, values)?;
        } else {
            list.add_tokens(entry, values)?;
        }
    }
    Ok(list.subjects)
}

struct Expansion {
    subjects: Vec<String>,
    is_deny: bool,
    bounded: bool,
}

impl Expansion {
    /// Adds an entry as servers from 2.11.0 on do: placeholders stand anywhere.
    fn add_anywhere(&mut self, entry: &str, values: Values<'_>) -> Result<(), TemplateProblem> {
        let mut sources = Vec::new();
        let mut choices: Vec<Vec<String>> = Vec::new();
        let mut has_tags = false;
        for source in placeholders(entry) {
            let operation = whole_token(source).unwrap_or(source).trim();
            let choice = match meaning(operation, values) {
                Meaning::Text(text) => vec![text],
                Meaning::Tag(tags) => {
                    has_tags = true;
                    tags
                }
                Meaning::NoTag if self.is_deny => {
                    return Err(TemplateProblem::MissingTag(entry.to_owned()));
                }
                // No subject has a space, so this one is dropped.
                Meaning::NoTag => {
                    has_tags = true;
                    vec![" ".to_owned()]
                }
                Meaning::Unknown => return Err(self.unknown(entry, operation)),
            };
            sources.push(source);
            choices.push(choice);
        }
        let count = choices
            .iter()
            .try_fold(1_usize, |count, choice| count.checked_mul(choice.len()))
            .filter(|count| *count <= MAX_SUBJECTS);
        let count = match count {
            Some(count) if !has_tags => count,
            Some(count) if self.subjects.len() + count <= MAX_SUBJECTS => count,
            // Some earlier servers continue without a limit. The host need not follow them.
            _ => return Err(TemplateProblem::TooMany(entry.to_owned())),
        };
        for number in 0..count {
            let mut subject = entry.to_owned();
            for (source, value) in sources.iter().zip(combination(&choices, number)) {
                subject = subject.replace(source, value);
            }
            self.emit(subject, entry)?;
        }
        Ok(())
    }

    /// Adds an entry as servers before 2.11.0 do: a placeholder is a whole token without spaces.
    fn add_tokens(&mut self, entry: &str, values: Values<'_>) -> Result<(), TemplateProblem> {
        let mut tokens = Vec::new();
        let mut choices: Vec<Vec<String>> = Vec::new();
        for token in entry.split('.') {
            let Some(operation) = whole_token(token) else {
                tokens.push(token.to_owned());
                continue;
            };
            tokens.push(match meaning(&operation.to_lowercase(), values) {
                Meaning::Text(text) => text,
                // Tags are filled in below. An empty token is left otherwise, which makes no
                // subject.
                Meaning::Tag(tags) => {
                    choices.push(tags);
                    String::new()
                }
                Meaning::NoTag => String::new(),
                Meaning::Unknown => " ".to_owned(),
            });
        }
        let count = choices
            .iter()
            .try_fold(1_usize, |count, choice| count.checked_mul(choice.len()))
            .filter(|count| *count <= MAX_SUBJECTS)
            .ok_or_else(|| TemplateProblem::TooMany(entry.to_owned()))?;
        for number in 0..count {
            let mut filling = combination(&choices, number);
            let filled: Vec<_> = tokens
                .iter()
                .map(|token| match token.as_str() {
                    "" => filling.next().unwrap_or_default(),
                    token => token,
                })
                .collect();
            self.emit(filled.join("."), entry)?;
        }
        Ok(())
    }

    fn emit(&mut self, subject: String, entry: &str) -> Result<(), TemplateProblem> {
        if is_subject(&subject) {
            self.subjects.push(subject);
        } else if self.is_deny {
            return Err(TemplateProblem::DeniedSubject(entry.to_owned()));
        }
        Ok(())
    }

    /// Returns the problem of an unknown placeholder.
    ///
    /// Servers without a limit on templates slice the operation beyond its end if it is short, and
    /// otherwise look up a missing value. Both crash the server, except that a longer operation in
    /// a denied subject is refused.
    fn unknown(&self, entry: &str, operation: &str) -> TemplateProblem {
        if self.bounded || (self.is_deny && operation.len() >= 12) {
            TemplateProblem::UnknownPlaceholder(entry.to_owned())
        } else {
            TemplateProblem::CrashesServer(entry.to_owned())
        }
    }
}

/// Returns one value of each choice: combination `number`, where the last choice varies fastest.
fn combination(choices: &[Vec<String>], number: usize) -> impl Iterator<Item = &str> {
    let mut block: usize = choices.iter().map(Vec::len).product();
    choices.iter().map(move |choice| {
        block = block.checked_div(choice.len()).unwrap_or_default();
        let index = number.checked_div(block).unwrap_or_default();
        let index = index.checked_rem(choice.len()).unwrap_or_default();
        choice.get(index).map_or("", String::as_str)
    })
}

fn meaning(operation: &str, values: Values<'_>) -> Meaning {
    let is = |name: &str| operation.eq_ignore_ascii_case(name);
    if is("name()") {
        return Meaning::Text(values.name.to_owned());
    }
    if is("subject()") {
        return Meaning::Text(values.subject.to_owned());
    }
    if is("account-name()") {
        return Meaning::Text(values.account.name.clone());
    }
    if is("account-subject()") {
        return Meaning::Text(values.issuer_account.to_owned());
    }
    let of_kind = |kind: &str| {
        let start = operation.get(..kind.len());
        let is_kind = start.is_some_and(|start| start.eq_ignore_ascii_case(kind));
        let closed = operation.strip_suffix(')')?;
        // The server recognises the kind in any case, but strips only the lower-case prefix.
        is_kind.then(|| closed.strip_prefix(kind).unwrap_or(closed).to_lowercase())
    };
    let (tag, tags) = match (of_kind("tag("), of_kind("account-tag(")) {
        (Some(tag), _) => (tag, values.tags),
        (None, Some(tag)) => (tag, values.account.tags.as_slice()),
        (None, None) => return Meaning::Unknown,
    };
    let prefix = format!("{tag}:");
    let found: Vec<_> = tags
        .iter()
        .filter_map(|tag| tag.strip_prefix(&prefix).map(str::to_owned))
        .collect();
    if found.is_empty() {
        Meaning::NoTag
    } else {
        Meaning::Tag(found)
    }
}

/// Returns the text between the braces of a token that is one placeholder.
fn whole_token(token: &str) -> Option<&str> {
    if token.starts_with("{{") && token.ends_with("}}") {
        let inner = token.strip_prefix("{{").unwrap_or(token);
        return Some(inner.strip_suffix("}}").unwrap_or(inner));
    }
    None
}

/// Returns every placeholder of an entry, with its braces.
fn placeholders(entry: &str) -> impl Iterator<Item = &str> {
    let mut rest = entry;
    std::iter::from_fn(move || {
        let (found, after) = next_placeholder(rest)?;
        rest = after;
        Some(found)
    })
}

/// Returns the next placeholder and the rest of the text. A placeholder is two opening braces, text
/// without a closing brace, and two closing braces.
fn next_placeholder(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    loop {
        let start = rest.find("{{")?;
        let candidate = rest.get(start..)?;
        let inside = candidate.get(2..)?;
        let end = inside.find('}')?;
        if end > 0 && inside.get(end..)?.starts_with("}}") {
            let length = end.checked_add(4)?;
            return candidate.split_at_checked(length);
        }
        rest = candidate.get(1..)?;
    }
}
