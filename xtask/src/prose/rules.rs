//! The rules for a line of prose.

use std::fs;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::text::Line;
use crate::failure::{Failure, Result};

/// The maximum width of a line of prose, in characters, including marks and indentation.
const MAX_WIDTH: usize = 100;

/// Words at the start of documentation that refer to the item above.
const OPENINGS: [&str; 7] = [
    "Its",
    "It",
    "The other",
    "The same",
    "Why.",
    "Which.",
    "How many",
];

/// Phrases that documents and comments must not contain, each with its reason.
#[derive(Debug, Default)]
pub(super) struct StopList(Vec<(String, String)>);

impl StopList {
    /// Reads a file of lines `PHRASE: REASON`. Skips empty lines and lines that begin with `#`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or a line has no reason.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Failure::at("read", path))?;
        entries(&text)
            .map(|(_, line)| {
                let (phrase, reason) = line.split_once(':').ok_or_else(|| {
                    let path = path.display();
                    Failure::new(format!("`{path}`: `{line}` has no reason after a colon"))
                })?;
                Ok((phrase.trim().to_lowercase(), reason.trim().to_owned()))
            })
            .collect::<Result<_>>()
            .map(Self)
    }
}

/// Folders and files that are exempt from the rules until their prose is rewritten.
#[derive(Debug, Default)]
pub(super) struct Pending {
    path: PathBuf,
    /// The folders, each with its line in the file, counted from 1.
    folders: Vec<(usize, String)>,
}

impl Pending {
    /// Reads a file with one folder a line. Skips empty lines and lines that begin with `#`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Failure::at("read", path))?;
        Ok(Self {
            path: path.to_owned(),
            folders: entries(&text)
                .map(|(number, folder)| (number, folder.to_owned()))
                .collect(),
        })
    }

    /// Returns the listed folder that contains `path`; `None` if no folder does.
    pub(super) fn folder_of(&self, path: &Path) -> Option<&str> {
        let mut folders = self.folders.iter().map(|(_, folder)| folder.as_str());
        folders.find(|folder| path.starts_with(folder))
    }

    /// Returns a finding for each listed folder without findings, so that the list can only shrink.
    pub(super) fn finished(&self, excused: &[&str]) -> Vec<Finding> {
        let unused = |(_, folder): &&(usize, String)| !excused.contains(&folder.as_str());
        self.folders
            .iter()
            .filter(unused)
            .map(|(number, folder)| Finding {
                path: self.path.clone(),
                line: *number,
                problem: format!("`{folder}` has no findings left; take it off the list"),
            })
            .collect()
    }
}

/// Returns the problems of `line`, each with the number of the line.
pub(super) fn problems(line: &Line, stop_list: &StopList) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    if line.wraps && line.width > MAX_WIDTH {
        problems.push(format!(
            "{} columns where {MAX_WIDTH} are allowed",
            line.width
        ));
    }
    if let Some(opening) = OPENINGS
        .iter()
        .find(|opening| line.opens_item && begins_with(&line.words, opening))
    {
        problems.push(format!(
            "documentation begins with `{opening}`, so that it needs the item above; name the thing"
        ));
    }
    let words = line.words.to_lowercase();
    for (phrase, reason) in &stop_list.0 {
        if contains_phrase(&words, phrase) {
            problems.push(format!("`{phrase}`: {reason}"));
        }
    }
    problems
        .into_iter()
        .map(|problem| (line.number, problem))
        .collect()
}

/// Returns the entries of a file in which `#` begins a comment, with their line numbers.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines().map(str::trim))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Returns whether `words` begins with `opening` as whole words.
fn begins_with(words: &str, opening: &str) -> bool {
    words
        .strip_prefix(opening)
        .is_some_and(|rest| opening.ends_with('.') || !rest.starts_with(char::is_alphanumeric))
}

/// Returns whether `words` contains `phrase` as whole words.
fn contains_phrase(words: &str, phrase: &str) -> bool {
    words.match_indices(phrase).any(|(start, _)| {
        let (before, rest) = words.split_at(start);
        let after = rest.strip_prefix(phrase).unwrap_or_default();
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::super::text::{Language, lines};
    use super::*;

    fn broken(text: &str) -> Vec<String> {
        let stop_list = StopList(vec![("anew".to_owned(), "write `again`".to_owned())]);
        lines(Language::Rust, text)
            .flat_map(|line| problems(&line, &stop_list))
            .map(|(_, problem)| problem)
            .collect()
    }

    #[test]
    fn a_wide_line_breaks_a_rule() {
        let wide = format!("// {}", "a ".repeat(50));
        assert_eq!(broken(&wide), ["103 columns where 100 are allowed"]);
        assert!(broken(&format!("// {}", "a".repeat(97))).is_empty());
    }

    #[test]
    fn documentation_that_needs_the_item_above_breaks_a_rule() {
        assert_eq!(broken("/// Its name").len(), 1);
        assert_eq!(broken("/// Why. Because").len(), 1);
        assert!(broken("/// Italic names").is_empty());
        assert!(broken("// It is a comment in code").is_empty());
    }

    #[test]
    fn a_phrase_of_the_stop_list_breaks_a_rule_as_a_whole_word() {
        assert_eq!(broken("// Read Anew, and again"), ["`anew`: write `again`"]);
        assert!(broken("// a new one, renewed, `anew`").is_empty());
    }

    #[test]
    fn a_pending_folder_without_findings_is_reported() {
        let pending = Pending {
            path: PathBuf::from("pending.txt"),
            folders: vec![(3, "host/core".to_owned()), (4, "bench".to_owned())],
        };
        assert_eq!(
            pending.folder_of(Path::new("bench/src/a.rs")),
            Some("bench")
        );
        assert_eq!(pending.folder_of(Path::new("benches/a.rs")), None);
        let finished = pending.finished(&["bench"]);
        let problems: Vec<_> = finished.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            ["pending.txt:3: `host/core` has no findings left; take it off the list"]
        );
    }
}
