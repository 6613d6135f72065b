//! The problems of a settings file.

use portcullis_toml::Problem;

/// A problem of a settings file. The message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsFileProblem {
    /// The file is not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// The file is not TOML, or has wrong keys or values. The message has the lines of the problems
    /// that are not on the line of the first.
    #[error("{}", joined(.0))]
    Content(Vec<Problem>),
    /// The settings have the key of a policy text whose file exists.
    #[error("settings.{key}: `{file}` has this text; remove the key")]
    HasText {
        /// The key.
        key: &'static str,
        /// The name of the file.
        file: String,
    },
}

/// Returns the messages of all problems, with the lines that differ from that of the first.
fn joined(problems: &[Problem]) -> String {
    let line = problems.first().and_then(Problem::line);
    let texts = problems.iter().map(|problem| {
        let place = problem.line().filter(|other| Some(*other) != line);
        let place = place.map(|line| format!("line {line}: "));
        let key = problem.key().map(|key| format!("{key}: "));
        let (place, key) = (place.unwrap_or_default(), key.unwrap_or_default());
        format!("{place}{key}{}", problem.message())
    });
    let texts: Vec<_> = texts.collect();
    texts.join("; ")
}
