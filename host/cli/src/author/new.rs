//! `portcullis policy new`: writes the crate of a policy.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use portcullis_core::PolicyName;
use serde_json::json;

use super::sdk;
use super::template::{SHARED, Template};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::init::{Directory, NewFiles, NotInitialized};
use crate::output::{Output, render_json};

/// Names that cargo refuses for a crate, or that a dependency of the crate has.
const TAKEN: [&str; 13] = [
    "alloc",
    "core",
    "portcullis-sdk",
    "portcullis_sdk",
    "proc-macro",
    "proc_macro",
    "sdk",
    "serde",
    "serde_derive",
    "std",
    "target",
    "test",
    "tests",
];

/// The keywords of Rust that are policy names.
const KEYWORDS: [&str; 45] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "static", "struct", "super", "trait", "true", "try", "type", "unsafe", "use",
    "while",
];

/// A reason why no crate was written.
#[derive(Debug, thiserror::Error)]
enum NotMade {
    /// Cargo does not accept the name.
    #[error("`{name}` cannot be the name of a crate: {problem}; choose another name")]
    Name {
        name: PolicyName,
        problem: &'static str,
    },
    #[error(transparent)]
    Files(#[from] NotInitialized),
}

/// Writes the crate of the policy `name` into a new folder of that name in `parent`.
///
/// # Errors
///
/// Fails if the name cannot be that of a crate, or if the folder exists or cannot be written. In
/// each case, no new file remains.
pub(crate) fn make(
    parent: &Path,
    name: &PolicyName,
    template: Template,
    json: bool,
) -> Result<Output, Failure> {
    check_name(name).map_err(|error| Failure::new(ExitCode::Usage, error))?;
    let root = parent.join(name.as_str());
    write(&root, name, template).map_err(|error| match error.downcast_ref::<NotMade>() {
        Some(NotMade::Files(_)) => Failure::new(ExitCode::CannotCreate, error),
        _ => Failure::internal(error),
    })?;
    if json {
        let files = files(name).map(|(file, _)| root.join(file));
        let template = template.to_string();
        let value = json!({ "directory": root, "template": template, "files": files });
        return render_json(&value).map(Output::success);
    }
    Ok(Output::success(summary(&root, name, template)))
}

fn check_name(name: &PolicyName) -> Result<(), NotMade> {
    let text = name.as_str();
    let problem = if text.starts_with(|first: char| first.is_ascii_digit()) {
        "it begins with a digit"
    } else if text.starts_with('-') {
        "it begins with `-`"
    } else if KEYWORDS.contains(&text) {
        "it is a keyword of Rust"
    } else if TAKEN.contains(&text) {
        "a crate or folder that the policy needs has this name"
    } else {
        return Ok(());
    };
    Err(NotMade::Name {
        name: name.clone(),
        problem,
    })
}

fn write(root: &Path, name: &PolicyName, template: Template) -> anyhow::Result<()> {
    if root.symlink_metadata().is_ok() {
        return Err(NotMade::from(NotInitialized::Exists(root.to_owned())).into());
    }
    let own = template.files();
    let fill = |text: &str| {
        let text = text.replace("__NAME__", name.as_str());
        text.replace("__SUMMARY__", own.summary)
    };
    let mut files: Vec<_> = SHARED
        .iter()
        .map(|(path, text)| ((*path).to_owned(), fill(text)))
        .collect();
    files.extend([
        ("src/lib.rs".to_owned(), fill(own.source)),
        (format!("{name}.toml"), fill(own.settings)),
        (format!("{name}.tests.toml"), fill(own.tests)),
    ]);
    for (path, text) in sdk::FILES {
        let text = if path.ends_with("/Cargo.toml") {
            sdk::manifest(text)?
        } else {
            (*text).to_owned()
        };
        files.push((format!("sdk/{path}"), text));
    }
    let mut made = NewFiles::in_directory(root, &[]).map_err(NotMade::from)?;
    let mut folders = BTreeSet::new();
    for (path, text) in files {
        let parents = Path::new(&path).ancestors().skip(1);
        let parents: Vec<_> = parents
            .filter_map(Path::to_str)
            .filter(|path| !path.is_empty())
            .collect();
        for folder in parents.into_iter().rev() {
            if folders.insert(folder.to_owned()) {
                made.directory(folder, Directory::Shared)
                    .map_err(NotMade::from)?;
            }
        }
        made.file(&path, &text).map_err(NotMade::from)?;
    }
    made.keep();
    Ok(())
}

/// Returns the written files that an author edits, and the SDK, with their purposes.
fn files(name: &PolicyName) -> [(String, &'static str); 5] {
    [
        ("src/lib.rs".to_owned(), "the policy, with native tests"),
        (format!("{name}.toml"), "its settings"),
        (
            format!("{name}.tests.toml"),
            "logins and the expected verdicts",
        ),
        ("README.md".to_owned(), "the commands of its author"),
        ("sdk/".to_owned(), "the SDK that the policy is built with"),
    ]
}

/// Returns the written files and the next steps, for humans.
fn summary(root: &Path, name: &PolicyName, template: Template) -> String {
    let root = root.display();
    let mut text = String::new();
    for (file, what) in files(name) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "made {root}/{file}: {what}");
    }
    let _ = write!(
        text,
        "\nthe template is `{template}`; next:\n  \
         1. cd {root}\n  \
         2. cargo test\n  \
         3. portcullis policy test\n  \
         4. cp {name}.wasm {name}.toml {name}.tests.toml POLICIES\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("7th", "begins with a digit")]
    #[case("match", "keyword")]
    #[case("serde", "has this name")]
    fn a_name_that_cargo_refuses_is_refused_before_anything_is_written(
        #[case] name: &str,
        #[case] problem: &str,
    ) {
        let parent = tempfile::tempdir().unwrap();
        let failure = make(
            parent.path(),
            &name.parse().unwrap(),
            Template::Empty,
            false,
        )
        .unwrap_err();
        assert_eq!(failure.code(), ExitCode::Usage);
        let said = failure.to_string();
        assert!(said.contains(problem) && said.contains(name), "{said}");
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn json_has_the_files_that_were_made() {
        let parent = tempfile::tempdir().unwrap();
        let made = make(
            parent.path(),
            &"mine".parse().unwrap(),
            Template::Empty,
            true,
        )
        .unwrap();
        let made: serde_json::Value = serde_json::from_str(&made.text).unwrap();
        assert_eq!(made["template"], "empty");
        let files = made["files"].as_array().unwrap();
        assert_eq!(files.len(), 5);
        for file in files {
            assert!(Path::new(file.as_str().unwrap()).exists(), "{file}");
        }
    }

    #[test]
    fn an_existing_folder_stays_as_it_is() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::create_dir(parent.path().join("mine")).unwrap();
        let failure = make(
            parent.path(),
            &"mine".parse().unwrap(),
            Template::Empty,
            false,
        )
        .unwrap_err();
        assert_eq!(failure.code(), ExitCode::CannotCreate);
        assert!(failure.to_string().contains("exists already"), "{failure}");
        assert_eq!(parent.path().join("mine").read_dir().unwrap().count(), 0);
    }
}
