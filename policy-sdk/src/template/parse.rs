//! The parser of templates.

use super::place::{NoPlace, Place, Scope};
use super::{TemplateError, place_in};

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Place(Place),
}

impl Piece {
    /// Returns the text, or a stand-in for a value that a token would hold.
    pub(super) fn shape(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Place(_) => "x",
        }
    }
}

/// Splits a template into its pieces.
pub(super) fn pieces(
    template: &str,
    scope: Scope,
    own: &[&str],
) -> Result<Vec<Piece>, TemplateError> {
    let shown = || template.escape_debug().to_string();
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, behind)) = rest.split_once("{{") {
        push_text(&mut pieces, text, template)?;
        let (name, behind) = behind
            .split_once("}}")
            .filter(|(name, _)| !name.contains("{{"))
            .ok_or_else(|| TemplateError::Unclosed(shown()))?;
        let place = Place::parse(name.trim_matches(' '), scope, own)
            .map_err(|problem| no_place(problem, name, template, scope, own))?;
        pieces.push(Piece::Place(place));
        rest = behind;
    }
    push_text(&mut pieces, rest, template)?;
    Ok(pieces)
}

/// Adds a text to `pieces`. Fails if the text closes a place that was not opened, or has a place of
/// another form.
fn push_text(pieces: &mut Vec<Piece>, text: &str, template: &str) -> Result<(), TemplateError> {
    let shown = || template.escape_debug().to_string();
    if text.contains("}}") {
        return Err(TemplateError::Unopened(shown()));
    }
    if let Some(place) = place_in(text) {
        let place = place.escape_debug().to_string();
        let template = shown();
        return Err(TemplateError::OtherForm { place, template });
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}

fn no_place(
    problem: NoPlace,
    name: &str,
    template: &str,
    scope: Scope,
    own: &[&str],
) -> TemplateError {
    let place = name.escape_debug().to_string();
    let template = template.escape_debug().to_string();
    match problem {
        NoPlace::Unnamed => TemplateError::Unnamed { place, template },
        NoPlace::Unknown => TemplateError::UnknownPlace {
            place,
            template,
            known: Place::known(scope, own),
        },
        NoPlace::OfServer => TemplateError::OfServer {
            place,
            template,
            known: Place::known(scope, own),
        },
    }
}

/// Checks each token for places and wildcards.
///
/// INVARIANT: a token has at most one place, and then no wildcard. With two places, different
/// values could give the same subject. Next to a value, `*` and `>` would not act as wildcards.
pub(super) fn check_tokens(template: &str, pieces: &[Piece]) -> Result<(), TemplateError> {
    let shown = || template.escape_debug().to_string();
    let (mut places, mut wildcards) = (0_usize, false);
    for piece in pieces {
        match piece {
            Piece::Place(_) => places = places.saturating_add(1),
            Piece::Text(text) => {
                for character in text.chars() {
                    match character {
                        '.' | ' ' => (places, wildcards) = (0, false),
                        '*' | '>' => wildcards = true,
                        _ => {}
                    }
                    if places > 0 && wildcards {
                        return Err(TemplateError::WildcardBesidePlace(shown()));
                    }
                }
            }
        }
        if places > 1 {
            return Err(TemplateError::SharedToken(shown()));
        }
        if places > 0 && wildcards {
            return Err(TemplateError::WildcardBesidePlace(shown()));
        }
    }
    Ok(())
}
