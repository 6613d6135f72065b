//! Checks of the prose in the repository's documents and comments.
//!
//! # Layout
//!
//! - [`text`]: the prose of a Markdown or Rust file, line by line, without code.
//! - [`rules`]: the rules for a line: its width, its first words, and the phrases of the stop list.
//! - [`links`]: links between documents.

mod finding;
mod links;
mod rules;
mod text;

use std::fs;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use finding::Finding;
use links::Documents;
use rules::{Pending, StopList};
use text::Language;

/// Folders that hold no documents or comments of this project.
const SKIPPED: [&str; 4] = ["target", "node_modules", ".git", "corpus"];

/// The template of `docs/performance.md`. The check skips its links, because they are relative to
/// `docs`.
const TEMPLATE: &str = "performance/template.md";

/// Checks every Markdown and Rust file below `root`.
///
/// # Errors
///
/// Fails if a file breaks a rule or cannot be read; prints each finding to standard error first.
pub(crate) fn check(root: &Path) -> Result<()> {
    let stop_list = StopList::read(&root.join("xtask/prose/stop-list.txt"))?;
    let pending = Pending::read(&root.join("xtask/prose/pending.txt"))?;
    let findings = findings(root, &stop_list, &pending)?;
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        // The failure also reports the number of findings.
        let _ = writeln!(stderr(), "{finding}");
    }
    Err(Failure::new(format!(
        "{} findings in documents and comments; `STYLE.md` has the rules",
        findings.len()
    )))
}

/// Collects the findings of all files below `root`, sorted by path.
fn findings(root: &Path, stop_list: &StopList, pending: &Pending) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut documents = Documents::default();
    let mut excused = Vec::new();
    for path in files(root)? {
        let Some(language) = Language::of_file(&path) else {
            continue;
        };
        let text = fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
        let shown = path.strip_prefix(root).unwrap_or(&path);
        if language == Language::Markdown && !path.ends_with(TEMPLATE) {
            documents.add(shown, &text);
        }
        let found = text::lines(language, &text)
            .flat_map(|line| rules::problems(&line, stop_list))
            .map(|(line, problem)| Finding {
                path: shown.to_owned(),
                line,
                problem,
            });
        match pending.folder_of(shown) {
            Some(folder) => excused.extend(found.map(|_| folder)),
            None => findings.extend(found),
        }
    }
    findings.extend(documents.broken_links(root));
    findings.extend(pending.finished(&excused));
    findings.sort();
    Ok(findings)
}

/// Lists the files below `folder`, apart from those in [`SKIPPED`] folders.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let reading = Failure::at("read", &folder);
        let entries = fs::read_dir(&folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(reading)?;
        for entry in entries {
            let path = entry.path();
            let kind = entry.file_type().map_err(Failure::at("read", &path))?;
            if kind.is_file() {
                found.push(path);
            } else if kind.is_dir() && !SKIPPED.iter().any(|name| entry.file_name() == *name) {
                folders.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
