//! What an author sees of a panic.

use crate::support::{Author, edit, portcullis_in};

#[test]
fn a_panic_after_many_log_lines_is_told_with_message_place_and_functions() {
    let author = Author::new();
    let folder = author.new_policy("trapped", "empty");
    let source = folder.join("src/lib.rs");
    edit(
        &source,
        "        Verdict::Abstain\n",
        "        lookup(40)\n",
    );
    let lookup = "\
export!(Empty);

#[inline(never)]
fn lookup(lines: usize) -> Verdict {
    for line in 1..=lines {
        log::info(format!(\"line {line}\"));
    }
    panic!(\"no such user\")
}
";
    edit(&source, "export!(Empty);\n", lookup);
    edit(
        &folder.join("Cargo.toml"),
        "strip = \"symbols\"",
        "strip = \"debuginfo\"",
    );
    let tested = portcullis_in(&folder, &["policy", "test"]);
    assert_eq!(tested.code, Some(65), "{tested:?}");
    for part in [
        "the policy trapped: panicked at src/lib.rs:31:5: no such user",
        "in `trapped::lookup`",
        "log: info: line 32\n",
        "log: 9 more lines, which were dropped",
    ] {
        assert!(
            tested.output.contains(part),
            "`{part}` in {}",
            tested.output
        );
    }
}
