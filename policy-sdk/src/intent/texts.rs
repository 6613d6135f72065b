//! The texts of a table of intents: literals, or templates.

use crate::Subject;

/// How the texts of a table are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    /// The text itself.
    Literal,
    /// The text itself, to be parsed as a template. The checks of intents do not apply.
    Template,
    /// A template with a stand-in for each place, for the checks of intents.
    Shape,
}

impl Texts {
    pub(super) fn name(self, text: &str) -> String {
        match self {
            Self::Literal => text.to_owned(),
            // Without blanks in places, a blank separates a queue.
            Self::Template => {
                with_places(text, |place| format!("{{{{{}}}}}", place.trim_matches(' ')))
            }
            Self::Shape => shape(text),
        }
    }

    pub(super) fn subject(self, text: &str) -> Subject {
        // A place at the start stays, because a subject of an application cannot begin with one.
        let shown = match self {
            Self::Shape if text.starts_with("{{") => Self::Template,
            _ => self,
        };
        Subject::from_checked(shown.name(text))
    }

    pub(super) fn key(self, text: &str) -> Subject {
        Subject::from_checked(self.name(text))
    }

    pub(super) fn subjects(self, texts: &[String]) -> impl Iterator<Item = Subject> {
        texts.iter().map(move |text| self.subject(text))
    }

    pub(super) fn keys(self, texts: &[String]) -> impl Iterator<Item = Subject> {
        texts.iter().map(move |text| self.key(text))
    }

    /// Returns the problem of a name of an object. It cannot have places, because a server knows
    /// objects by an encoding of the whole name.
    pub(super) fn object_problem(self, name: &str) -> Option<String> {
        (self != Self::Literal && name.contains("{{")).then(|| {
            format!(
                "object `{}`: no place is possible in it",
                name.escape_debug()
            )
        })
    }
}

/// Returns a template with `x` for each place.
fn shape(text: &str) -> String {
    with_places(text, |_| "x".to_owned())
}

/// Returns a template with another text for each place. The parser of templates reports a place
/// without an end, which stays.
fn with_places(text: &str, replacement: impl Fn(&str) -> String) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((place, after)) = behind.split_once("}}") else {
            break;
        };
        replaced.push_str(before);
        replaced.push_str(&replacement(place));
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}
