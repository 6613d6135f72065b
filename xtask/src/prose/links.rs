//! Links from one document to another, and to headings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::finding::Finding;

/// The headings and links of every document.
#[derive(Debug, Default)]
pub(super) struct Documents {
    anchors: BTreeMap<PathBuf, BTreeSet<String>>,
    links: Vec<Link>,
}

#[derive(Debug)]
struct Link {
    path: PathBuf,
    line: usize,
    target: String,
}

impl Documents {
    /// Adds the document at `path`, relative to the root of the repository.
    pub(super) fn add(&mut self, path: &Path, text: &str) {
        let mut anchors = BTreeSet::new();
        let mut in_code = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            }
            if in_code {
                continue;
            }
            if let Some(heading) = heading(line) {
                let anchor = anchor(heading);
                // GitHub numbers equal headings.
                let numbered = (1..).map(|number| format!("{anchor}-{number}"));
                let free = std::iter::once(anchor.clone())
                    .chain(numbered)
                    .find(|anchor| !anchors.contains(anchor));
                anchors.extend(free);
            }
            self.links.extend(targets(line).map(|target| Link {
                path: path.to_owned(),
                line: index + 1,
                target: target.to_owned(),
            }));
        }
        self.anchors.insert(path.to_owned(), anchors);
    }

    /// Returns the links whose file or heading does not exist below `root`.
    pub(super) fn broken_links(&self, root: &Path) -> Vec<Finding> {
        let broken = |link: &&Link| !self.leads_somewhere(link, root);
        self.links
            .iter()
            .filter(broken)
            .map(|link| Finding {
                path: link.path.clone(),
                line: link.line,
                problem: format!("the link `{}` leads nowhere", link.target),
            })
            .collect()
    }

    fn leads_somewhere(&self, link: &Link, root: &Path) -> bool {
        // Addresses of other sites are not followed. Rustdoc checks paths of Rust items.
        if link.target.contains([':', '@']) {
            return true;
        }
        let (file, anchor) = match link.target.split_once('#') {
            Some((file, anchor)) => (file, Some(anchor)),
            None => (link.target.as_str(), None),
        };
        let path = if file.is_empty() {
            link.path.clone()
        } else {
            let folder = link.path.parent().unwrap_or(Path::new(""));
            normal(&folder.join(file))
        };
        match (anchor, self.anchors.get(&path)) {
            (Some(anchor), Some(anchors)) => anchors.contains(anchor),
            _ => root.join(path).exists(),
        }
    }
}

/// Returns the text of a heading; `None` if `line` is not one.
fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    (1..=6).contains(&level).then_some(text)?.strip_prefix(' ')
}

/// Returns the name that GitHub gives to the heading `text`.
fn anchor(text: &str) -> String {
    text.trim()
        .to_lowercase()
        .chars()
        .filter(|character| character.is_alphanumeric() || " -_".contains(*character))
        .map(|character| if character == ' ' { '-' } else { character })
        .collect()
}

/// Returns the targets of the links in `line`, without titles.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target);
    let definition = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
        .map(|(_, target)| target);
    inline
        .chain(definition)
        .filter_map(|target| target.split_whitespace().next())
}

/// Removes `.` and `..` from a relative path.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(documents: &[(&str, &str)]) -> Vec<String> {
        let mut all = Documents::default();
        for (path, text) in documents {
            all.add(Path::new(path), text);
        }
        let nowhere = Path::new("/nonexistent");
        let broken = all.broken_links(nowhere);
        broken
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    #[test]
    fn a_link_to_a_heading_of_another_document_is_followed() {
        let documents = [
            (
                "docs/a.md",
                "[b](../b.md#what-it-costs) [c](../b.md#what-it-costs-1)",
            ),
            ("b.md", "## What it `costs`?\n## What it costs\n"),
        ];
        assert!(broken(&documents).is_empty());
    }

    #[test]
    fn a_link_without_a_file_or_heading_is_reported() {
        let documents = [("docs/a.md", "# A\n\n[b](b.md) [c](#c)\n[d]: ../d.md")];
        assert_eq!(
            broken(&documents),
            [
                "docs/a.md:3: the link `b.md` leads nowhere",
                "docs/a.md:3: the link `#c` leads nowhere",
                "docs/a.md:4: the link `../d.md` leads nowhere",
            ]
        );
    }

    #[test]
    fn addresses_and_code_are_left_alone() {
        let text = "[a](https://nats.io/b#c) [d](crate::Permit)\n```\n[e](f.md)\n```";
        assert!(broken(&[("a.md", text)]).is_empty());
    }
}
