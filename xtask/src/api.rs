//! The public items of the SDK, compared with the list in the repository.
//!
//! Policies in the field depend on every item. So a change of one has to show in a review, as a
//! change of `policy-sdk/api.txt`. The items are those of the documentation that rustdoc writes:
//! unlike its JSON, stable toolchains write it, and it has every signature as text.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write, stderr};
use std::path::Path;

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;

/// The name of the SDK's crate, and of the folder of its documentation.
const CRATE: &str = "portcullis_sdk";

/// The list of items in the repository.
const LIST: &str = "policy-sdk/api.txt";

/// The starts of the parts of a page that list no items of the crate itself: implementations for
/// every type, and implementors of a trait.
const FOREIGN: [&str; 4] = [
    r#"<h2 id="synthetic-implementations""#,
    r#"<h2 id="blanket-implementations""#,
    r#"<h2 id="implementors""#,
    r#"<h2 id="foreign-impls""#,
];

/// Removes the documentation of the SDK. Otherwise cargo would leave the pages of items that no
/// longer exist.
///
/// # Errors
///
/// Fails if the pages exist and cannot be removed.
pub(crate) fn forget(workspace: &Workspace) -> Result<()> {
    let pages = workspace.documentation(CRATE);
    match fs::remove_dir_all(&pages) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => {
            Err(Failure::at("remove", &pages)(cause))
        }
        _ => Ok(()),
    }
}

/// Compares the items in the documentation of the SDK, which has been built, with the list.
///
/// # Errors
///
/// Fails if they differ; prints each difference to standard error first.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let found = items(&workspace.documentation(CRATE))?;
    let path = workspace.file(LIST);
    let list = fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
    let listed: BTreeSet<_> = list.lines().map(str::to_owned).collect();
    if found == listed {
        return Ok(());
    }
    let changes = listed.difference(&found).map(|line| format!("- {line}"));
    let changes = changes.chain(found.difference(&listed).map(|line| format!("+ {line}")));
    for change in changes {
        // The failure also names the two lists.
        let _ = writeln!(stderr(), "{change}");
    }
    let lines: Vec<_> = found.into_iter().collect();
    let new = workspace.cache().join("api.txt");
    fs::create_dir_all(workspace.cache()).map_err(Failure::at("create", &workspace.cache()))?;
    fs::write(&new, lines.join("\n") + "\n").map_err(Failure::at("write", &new))?;
    Err(Failure::new(format!(
        "the public items of the SDK differ from `{LIST}`; if that is meant, copy `{}` there and raise the version \
         as semantic versioning says",
        new.display()
    )))
}

/// Returns the items in the pages of `folder`, each with the path of its page.
fn items(folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next).map_err(Failure::at("read", &next))?;
        for entry in entries {
            let path = entry.map_err(Failure::at("read", &next))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "html")
            {
                let page = fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
                let place = path
                    .strip_prefix(folder)
                    .unwrap_or(&path)
                    .with_extension("");
                let place = place.to_string_lossy();
                found.extend(declarations(&page).map(|item| format!("{place}: {item}")));
            }
        }
    }
    Ok(found)
}

/// Returns the declarations of a page, each on one line: of its item, of implementations, and of
/// the methods that no trait prescribes.
fn declarations(page: &str) -> impl Iterator<Item = String> {
    let end = FOREIGN.iter().filter_map(|start| page.find(start)).min();
    let mut rest = page.get(..end.unwrap_or(page.len())).unwrap_or(page);
    std::iter::from_fn(move || {
        loop {
            let (kind, start, begin, end) = KINDS
                .iter()
                .filter_map(|(kind, begin, end)| Some((*kind, rest.find(begin)?, *begin, *end)))
                .min_by_key(|(_, start, ..)| *start)?;
            let (before, item) = rest.split_at(start);
            let item = item.get(begin.len()..)?;
            let (item, after) = item.split_once(end)?;
            rest = after;
            let section = before
                .rfind("<section ")
                .and_then(|start| before.get(start..));
            let of_trait = section.is_some_and(|section| section.contains("trait-impl\""));
            if kind != Kind::Method || !of_trait {
                return Some(text(item));
            }
        }
    })
}

/// The kinds of declarations in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Item,
    Implementation,
    Method,
    Export,
}

/// The tags around declarations.
const KINDS: [(Kind, &str, &str); 4] = [
    (Kind::Item, r#"<pre class="rust item-decl">"#, "</pre>"),
    (Kind::Implementation, r#"<h3 class="code-header">"#, "</h3>"),
    (Kind::Method, r#"<h4 class="code-header">"#, "</h4>"),
    (Kind::Export, "<code>pub use ", "</code>"),
];

/// Returns the text of `html` on one line.
fn text(html: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    // Attributes of an item stand in a block of their own.
    for character in html.replace("</div>", " ").chars() {
        match character {
            '<' => in_tag = true,
            '>' if in_tag => in_tag = false,
            _ if !in_tag => text.push(character),
            _ => {}
        }
    }
    let text = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text, |text, (entity, character)| {
        text.replace(entity, character)
    });
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_lists_its_item_and_the_methods_of_its_own() {
        let page = r#"<pre class="rust item-decl"><code>pub struct S&lt;T&gt; {
    pub a: <a href="x">T</a>,
}</code></pre><section id="method.m" class="method"><h4 class="code-header">pub fn <a>m</a>(&amp;self)</h4></section>
            <section id="impl-Clone" class="impl"><h3 class="code-header">impl Clone for S</h3></section>
            <section id="method.clone" class="method trait-impl"><h4 class="code-header">fn clone(&amp;self)</h4></section>
            <h2 id="synthetic-implementations"><h3 class="code-header">impl Send for S</h3>"#;
        let found: Vec<_> = declarations(page).collect();
        let expected = [
            "pub struct S<T> { pub a: T, }",
            "pub fn m(&self)",
            "impl Clone for S",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_export_is_an_item() {
        let page =
            r#"<dt id="reexport.Y"><code>pub use inner::<a href="x">X</a> as Y;</code></dt>"#;
        let found: Vec<_> = declarations(page).collect();
        assert_eq!(found, ["inner::X as Y;"]);
    }
}
