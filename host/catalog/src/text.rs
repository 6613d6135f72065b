//! Policy texts: files next to a module that hold a policy in a language of its own, such as
//! `NAME.cedar` and `NAME.rego`.
//!
//! A text reaches the module as one more key of its settings, because the contract hands settings
//! over and nothing else (`docs/design/how-does-a-policy-text-reach-its-module.md`).

pub(crate) mod problem;

use serde_json::{Map, Value};

use crate::content::Content;
use crate::languages::LANGUAGES;
use crate::paths::Paths;
use crate::settings::problem::SettingsFileProblem;
use crate::unit_error::{UnitError, UnitProblem};

pub use problem::TextProblem;

/// Adds the texts to the settings.
///
/// # Errors
///
/// Fails if a text is not UTF-8, or if the settings have its key already.
pub(crate) fn add_to(
    settings: &mut Map<String, Value>,
    paths: &Paths,
    content: &Content,
) -> Result<(), UnitError> {
    let files = paths.texts.iter().zip(&content.texts);
    for (language, (path, text)) in LANGUAGES.iter().zip(files) {
        let Some(text) = text else { continue };
        let text = std::str::from_utf8(text)
            .map_err(|_| UnitError::new(path, UnitProblem::Text(TextProblem::NotText)))?;
        let key = language.key;
        if settings.contains_key(key) {
            let file = path.file_name().unwrap_or_default();
            let file = file.to_string_lossy().into_owned();
            let problem = SettingsFileProblem::HasText { key, file };
            return Err(UnitError::new(
                &paths.settings,
                UnitProblem::Settings(problem),
            ));
        }
        settings.insert(key.to_owned(), text.into());
    }
    Ok(())
}

/// Returns the error at a place of a text, if a module's `refusal` of its settings is about one:
/// `cedar-text: line 3, column 7: …`.
pub(crate) fn refused(paths: &Paths, content: &Content, refusal: &str) -> Option<UnitError> {
    let files = paths.texts.iter().zip(&content.texts);
    let (path, about) = LANGUAGES
        .iter()
        .zip(files)
        .find_map(|(language, (path, text))| {
            text.as_ref()?;
            let about = refusal.strip_prefix(language.key)?.strip_prefix(": ")?;
            Some((path, about))
        })?;
    let (line, problem) = match at_line(about) {
        Some((line, problem)) => (Some(line), problem),
        None => (None, about),
    };
    let problem = UnitProblem::Text(TextProblem::Refused(problem.to_owned()));
    Some(UnitError::new(path, problem).at_line(line))
}

/// Splits `line 3, column 7: …` after the line.
fn at_line(about: &str) -> Option<(usize, &str)> {
    let (line, problem) = about.strip_prefix("line ")?.split_once([',', ':'])?;
    Some((line.parse().ok()?, problem.trim_start()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn content(text: &str) -> Content {
        let texts = [Some(text.as_bytes().to_vec()), None];
        Content::new(Vec::new(), None, None, texts)
    }

    fn paths() -> Paths {
        Paths::from_module(Path::new("policies/p.wasm").to_owned())
    }

    #[test]
    fn a_refusal_of_a_text_names_its_file_and_line() {
        for (refusal, shown) in [
            (
                "cedar-text: line 3, column 7: unexpected token `a`",
                "`policies/p.cedar`, line 3: column 7: unexpected token `a`",
            ),
            ("cedar-text: line 12: no", "`policies/p.cedar`, line 12: no"),
            (
                "cedar-text: it permits nothing",
                "`policies/p.cedar`: it permits nothing",
            ),
        ] {
            let error = refused(&paths(), &content("a"), refusal).unwrap();
            assert_eq!(error.to_string(), shown);
        }
    }

    #[test]
    fn a_refusal_of_another_setting_is_not_about_a_text() {
        for refusal in [
            "account: no",
            "cedar-texts: no",
            "rego-text: line 1: there is no such file",
        ] {
            assert!(
                refused(&paths(), &content("a"), refusal).is_none(),
                "{refusal}"
            );
        }
    }

    #[test]
    fn a_text_is_one_more_setting() {
        let mut settings = Map::from_iter([("a".to_owned(), 1.into())]);
        add_to(&mut settings, &paths(), &content("permit (…);")).unwrap();
        let keys: Vec<_> = settings.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a", "cedar-text"]);
        assert_eq!(settings["cedar-text"].as_str(), Some("permit (…);"));
        let again = add_to(&mut settings, &paths(), &content("")).unwrap_err();
        assert_eq!(
            again.to_string(),
            "`policies/p.toml`: settings.cedar-text: `p.cedar` has this text; remove the key"
        );
    }
}
